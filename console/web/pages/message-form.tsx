import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { ClusterView, Page, TopicSummary } from '../../src/api-contract.ts';
import { apiPath } from '../logic/api.ts';
import { toInputTime } from '../logic/format.ts';
import { lastMs, type MessageMode } from '../logic/message-search.ts';
import { usePoll } from '../logic/poll.ts';
import { formatPlace, navigate } from '../logic/router.ts';
import { t } from '../logic/texts.ts';
import { Field } from '../ui/basics.tsx';

type Query = Readonly<Record<string, string>>;

const RANGES = ['15m', '1h', '24h', '7d'] as const;
const TOPICS_OFFERED = 200;

/** The question; sending it only changes the address. */
export function MessageForm({ mode, query }: { mode: MessageMode; query: Query }): JSX.Element {
  const [values, setValues] = useState<Query>(query);
  const value = (name: string): string => values[name] ?? '';
  const set = (name: string, text: string): void => setValues((before) => ({ ...before, [name]: text }));
  const ask = (more: Query = {}): void => {
    const { open: _open, cursor: _cursor, ...asked } = { ...values, ...more };
    navigate(formatPlace(['messages'], { ...asked, mode: mode === 'find' ? undefined : mode }));
  };
  const input = (name: string, required = false): JSX.Element => (
    <input
      class="mono"
      value={value(name)}
      required={required}
      autoComplete="off"
      spellcheck={false}
      onInput={(event) => set(name, event.currentTarget.value)}
    />
  );
  return (
    <form
      class="card form row"
      onSubmit={(event) => {
        event.preventDefault();
        ask();
      }}
    >
      {mode === 'find' ? <Field label={t('findLabel')}>{input('q', true)}</Field> : null}
      {mode === 'key' ? <Field label={t('keyLabel')}>{input('key', true)}</Field> : null}
      {mode === 'id' ? <Field label={t('idLabel')}>{input('id', true)}</Field> : null}
      <TopicField
        optional={mode !== 'time' && mode !== 'offset'}
        value={value('topic')}
        onInput={(text) => set('topic', text)}
      />
      {mode === 'time' ? <TimeFields values={values} set={set} ask={ask} /> : null}
      {mode === 'time' ? <Field label={t('tag')}>{input('tag')}</Field> : null}
      {mode === 'time' ? <Field label={t('textInBody')}>{input('text')}</Field> : null}
      {mode === 'offset' ? (
        <>
          <BrokerField value={value('broker')} onInput={(text) => set('broker', text)} />
          <NumberField label={t('queue')} value={value('queueId')} onInput={(text) => set('queueId', text)} />
          <NumberField label={t('offset')} value={value('offset')} onInput={(text) => set('offset', text)} />
        </>
      ) : null}
      <button type="submit" class="primary">
        {t('find')}
      </button>
    </form>
  );
}

interface TextFieldProps {
  readonly value: string;
  readonly onInput: (text: string) => void;
}

function TopicField({ value, onInput, optional }: TextFieldProps & { optional: boolean }): JSX.Element {
  const { data } = usePoll<Page<TopicSummary>>(
    apiPath(['topics'], { kind: 'all', limit: TOPICS_OFFERED }),
    0,
  );
  return (
    <Field label={t(optional ? 'topicOptional' : 'topic')}>
      <input
        class="mono"
        list="topics"
        required={!optional}
        placeholder={optional ? t('anyTopic') : ''}
        autoComplete="off"
        spellcheck={false}
        value={value}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
      <datalist id="topics">
        {(data?.items ?? []).map(({ name }) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </Field>
  );
}

function BrokerField({ value, onInput }: TextFieldProps): JSX.Element {
  const { data } = usePoll<ClusterView>('/cluster', 0);
  return (
    <Field label={t('broker')}>
      <input
        class="mono"
        list="brokers"
        required
        value={value}
        autoComplete="off"
        onInput={(event) => onInput(event.currentTarget.value)}
      />
      <datalist id="brokers">
        {(data?.brokers ?? []).map(({ name }) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </Field>
  );
}

function NumberField({ label, value, onInput }: TextFieldProps & { label: string }): JSX.Element {
  return (
    <Field label={label}>
      <input
        type="number"
        class="number"
        min={0}
        required
        value={value}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
    </Field>
  );
}

interface TimeFieldsProps {
  readonly values: Query;
  readonly set: (name: string, text: string) => void;
  readonly ask: (more: Query) => void;
}

/** A range relative to now stays one in the address; typing a moment makes it fixed. */
function TimeFields({ values, set, ask }: TimeFieldsProps): JSX.Element {
  const last = values['last'] ?? (values['from'] === undefined ? '1h' : '');
  const nowMs = Date.now();
  const fromMs = last === '' ? Number(values['from']) : nowMs - (lastMs(last) ?? 0);
  const toMs = last === '' && values['until'] !== undefined ? Number(values['until']) : nowMs;
  const fix = (name: string, text: string): void => {
    const at = new Date(text).getTime();
    if (Number.isNaN(at)) return;
    set('from', String(fromMs));
    set('until', String(toMs));
    set('last', '');
    set(name, String(at));
  };
  return (
    <>
      <Field label={t('fromTime')}>
        <input
          type="datetime-local"
          step={1}
          value={toInputTime(fromMs)}
          onChange={(event) => fix('from', event.currentTarget.value)}
        />
      </Field>
      <Field label={t('toTime2')}>
        <input
          type="datetime-local"
          step={1}
          value={toInputTime(toMs)}
          onChange={(event) => fix('until', event.currentTarget.value)}
        />
      </Field>
      <span class="segments" role="group" aria-label={t('fromTime')}>
        {RANGES.map((range) => (
          <button
            key={range}
            type="button"
            aria-pressed={last === range}
            onClick={() => {
              set('last', range);
              set('from', '');
              if (values['topic'] !== undefined) ask({ last: range, from: '', until: '' });
            }}
          >
            {range}
          </button>
        ))}
      </span>
    </>
  );
}
