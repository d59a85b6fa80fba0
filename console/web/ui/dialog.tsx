import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { t } from '../logic/texts.ts';
import { Field } from './basics.tsx';

interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
  /** `drawer` slides in from the right. */
  readonly kind?: 'dialog' | 'drawer';
}

/** The browser's own modal: it traps the focus, closes on Escape and gives the focus back. */
export function Dialog({ title, onClose, children, kind = 'dialog' }: DialogProps): JSX.Element {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    element.current?.showModal();
  }, []);
  return (
    <dialog
      ref={element}
      class={kind}
      aria-label={title}
      onClose={onClose}
      onClick={(event) => {
        if (event.target === element.current) onClose(); // the backdrop
      }}
    >
      <header>
        <h2>{title}</h2>
        <button type="button" class="quiet" aria-label={t('close')} title={t('close')} onClick={onClose}>
          ✕
        </button>
      </header>
      <div class="dialog-body">{children}</div>
    </dialog>
  );
}

interface ConfirmProps {
  readonly title: string;
  readonly text: string;
  /** What has to be typed. */
  readonly name: string;
  readonly action: string;
  readonly onClose: () => void;
  readonly onConfirm: (typed: string) => Promise<void>;
  readonly children?: ComponentChildren;
}

/** For what can't be taken back: the button wakes up when the name was typed. */
export function ConfirmDialog({
  title,
  text,
  name,
  action,
  onClose,
  onConfirm,
  children,
}: ConfirmProps): JSX.Element {
  const [typed, setTyped] = useState('');
  const [busy, setBusy] = useState(false);
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (typed !== name || busy) return;
          setBusy(true);
          void onConfirm(typed).finally(() => {
            setBusy(false);
          });
        }}
      >
        <p>{text}</p>
        {children}
        <Field label={t('typeToConfirm', { name })}>
          <input
            class="mono"
            value={typed}
            autoComplete="off"
            spellcheck={false}
            autofocus
            onInput={(event) => {
              setTyped(event.currentTarget.value);
            }}
          />
        </Field>
        <div class="actions">
          <button type="button" onClick={onClose}>
            {t('cancel')}
          </button>
          <button type="submit" class="danger" disabled={typed !== name || busy}>
            {action}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
