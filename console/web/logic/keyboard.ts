import { navigate } from './router.ts';

/** After `g` the next key says where to. */
const PLACES: Readonly<Record<string, string>> = { o: '/', t: '/topics', g: '/groups', m: '/messages' };
const SEQUENCE_MS = 1_200;

/** Keys of the whole application; none while something is typed. Returns how to stop. */
export function listenToKeys(openHelp: () => void): () => void {
  let armedUntil = 0;
  const onKey = (event: KeyboardEvent): void => {
    const target = event.target as HTMLElement;
    const typing = target.isContentEditable || /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
    if (typing || event.metaKey || event.ctrlKey || event.altKey || document.querySelector('dialog[open]'))
      return;
    const place = PLACES[event.key];
    if (event.timeStamp < armedUntil && place !== undefined) {
      armedUntil = 0;
      navigate(place);
    } else if (event.key === 'g') armedUntil = event.timeStamp + SEQUENCE_MS;
    else if (event.key === '/') document.getElementById('search')?.focus();
    else if (event.key === '?') openHelp();
    else return;
    event.preventDefault();
  };
  document.addEventListener('keydown', onKey);
  return () => {
    document.removeEventListener('keydown', onKey);
  };
}
