/** The inspector's page: starts with the traces that are in it. */
import { render } from 'preact';
import { App } from './App.tsx';
import { embeddedTraces } from './files.ts';
import './style.css';
import './panes.css';
import './rows.css';
import './map.css';
import './details.css';
import './help.css';
import './widths.css';

render(<App start={embeddedTraces} />, document.getElementById('app')!);
