import { render } from 'preact';
import { App } from './app.tsx';
import { applyTheme, storedTheme } from './logic/theme.ts';
import './styles/tokens.css';
import './styles/frame.css';
import './styles/components.css';
import './styles/table.css';
import './styles/pages.css';

applyTheme(storedTheme());
const root = document.getElementById('app');
if (root) render(<App />, root);
