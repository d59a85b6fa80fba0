import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { ChangeResult, TopicCreate } from '../../src/api-contract.ts';
import { type ApiFailure, apiSend } from '../logic/api.ts';
import { failureOf } from '../logic/poll.ts';
import { formatPlace, navigate } from '../logic/router.ts';
import { t } from '../logic/texts.ts';
import { Command, FailureBox, Field } from '../ui/basics.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { showToast } from '../ui/toast.tsx';

const TYPES = ['NORMAL', 'FIFO', 'DELAY', 'TRANSACTION'] as const;
const QUEUES_DEFAULT = 8;

/** The type comes first, because it decides what senders may do. */
export function CreateTopicDialog({ onClose }: { onClose: () => void }): JSX.Element {
  const [messageType, setType] = useState<TopicCreate['messageType']>('NORMAL');
  const [name, setName] = useState('');
  const [queues, setQueues] = useState(QUEUES_DEFAULT);
  const [failure, setFailure] = useState<ApiFailure>();
  const submit = async (): Promise<void> => {
    try {
      const result = await apiSend<ChangeResult>('POST', '/topics', {
        name,
        queues,
        messageType,
      } satisfies TopicCreate);
      const failed = result.outcomes.find((outcome) => !outcome.ok);
      if (failed) showToast('warn', t('partlyDone', { detail: `${failed.target}: ${failed.detail ?? ''}` }));
      else showToast('good', t('topicCreated', { name }));
      onClose();
      navigate(formatPlace(['topics', name]));
    } catch (error) {
      setFailure(failureOf(error));
    }
  };
  const type = messageType === 'NORMAL' ? '' : ` --type ${messageType}`;
  return (
    <Dialog title={t('createTopic')} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <fieldset>
          <legend>{t('type')}</legend>
          {TYPES.map((one) => (
            <label key={one} class="choice">
              <input type="radio" name="type" checked={messageType === one} onChange={() => setType(one)} />
              {t(`type${one}`)}
            </label>
          ))}
        </fieldset>
        <Field label={t('name')} hint={t('nameHint')}>
          <input
            class="mono"
            required
            autofocus
            maxLength={127}
            pattern="[%\|a-zA-Z0-9_\-]+"
            value={name}
            onInput={(event) => {
              setName(event.currentTarget.value);
            }}
          />
        </Field>
        <Field label={t('queueCount')}>
          <input
            type="number"
            required
            min={1}
            max={1024}
            value={queues}
            onInput={(event) => {
              setQueues(event.currentTarget.valueAsNumber);
            }}
          />
        </Field>
        {failure ? <FailureBox failure={failure} /> : null}
        <p class="muted">{t('asCommand')}</p>
        <Command line={`comet topic create ${name === '' ? '<name>' : name} --queues ${queues}${type}`} />
        <div class="actions">
          <button type="button" onClick={onClose}>
            {t('cancel')}
          </button>
          <button type="submit" class="primary">
            {t('create')}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
