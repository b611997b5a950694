/** The inspector's page: starts with the trace that is in it, if one does. */
import { render } from 'preact';
import { App } from './App.tsx';
import { embeddedTrace } from './files.ts';
import './style.css';

render(<App start={embeddedTrace()} />, document.getElementById('app')!);
