import { expect, test } from 'vitest';
import { jsonText } from 'cometmq/output/json-text';
import { renderCsv, renderRecord, renderTable } from 'cometmq/output/table';

interface Row {
  readonly name: string;
  readonly count: number | undefined;
}

const columns = [
  { title: 'name', value: ({ name }: Row) => name },
  { title: 'count', value: ({ count }: Row) => count },
];

test('numbers stand to the right, what is missing is a dash', () => {
  const rows = [
    { name: 'a', count: 5 },
    { name: 'longer', count: 12_345 },
    { name: '', count: undefined },
  ];
  expect(renderTable(rows, columns)).toBe('name    count\na           5\nlonger  12345\n-           -\n');
});

test('wide characters take two columns', () => {
  expect(renderTable([{ name: '订单', count: 1 }], columns)).toBe('name  count\n订单      1\n');
});

test('control characters do not reach the terminal', () => {
  expect(renderTable([{ name: 'a\u001b[31m\nb', count: 1 }], columns)).not.toMatch(/\u001b|\nb/);
});

test('csv quotes what needs it', () => {
  expect(renderCsv([{ name: 'a,"b"\nc', count: 1 }], columns)).toBe('name,count\r\n"a,""b""\nc",1\r\n');
});

test('a record has its names aligned', () => {
  expect(
    renderRecord([
      ['id', 7],
      ['message id', undefined],
    ]),
  ).toBe('id          7\nmessage id  -\n');
});

test('bodies are text when they are UTF-8, else base64; maps are objects', () => {
  const value = { text: Buffer.from('né'), bytes: Buffer.from([0xff, 0xfe]), map: new Map([['k', 1]]) };
  expect(jsonText(value)).toBe('{"text":"né","bytes":{"base64":"//4="},"map":{"k":1}}');
  expect(jsonText(undefined)).toBe('null');
});
