import type { JSX } from 'preact';
import { t, type TextKey } from '../logic/texts.ts';
import { Dialog } from '../ui/dialog.tsx';

const KEYS: readonly (readonly [readonly string[], TextKey])[] = [
  [['/'], 'keySearch'],
  [['g', 'o'], 'keyOverview'],
  [['g', 't'], 'keyTopics'],
  [['g', 'g'], 'keyGroups'],
  [['g', 'm'], 'keyMessages'],
  [['?'], 'keyHelp'],
  [['Esc'], 'keyClose'],
];

export function HelpDialog({ onClose }: { onClose: () => void }): JSX.Element {
  return (
    <Dialog title={t('help')} onClose={onClose}>
      <dl class="facts keys">
        {KEYS.map(([keys, text]) => (
          <div key={text}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{t(text)}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
