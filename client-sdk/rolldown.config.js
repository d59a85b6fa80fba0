// Builds the published form of `@cometmq/client` from what tsc has written: one ESM and one CJS file with everything
// of ours inside, and one declaration file for each. Runs after `tsc -b`.
import { copyFileSync } from 'node:fs';
import { dts } from 'rolldown-plugin-dts';

const input = 'dist/index.js';
const external = [/^node:/];

/** The same declarations serve `require`; TypeScript wants them under a name of their own. */
const declarationsForRequire = {
  name: 'declarations-for-require',
  writeBundle() {
    copyFileSync('dist/bundle/index.d.ts', 'dist/bundle/index.d.cts');
  },
};

export default [
  {
    input,
    external,
    platform: 'node',
    output: [
      { file: 'dist/bundle/index.js', format: 'esm' },
      { file: 'dist/bundle/index.cjs', format: 'cjs' },
    ],
  },
  {
    input: { index: 'dist/index.d.ts' },
    external,
    plugins: [dts({ dtsInput: true, tsconfig: false, resolver: 'tsc' }), declarationsForRequire],
    output: { dir: 'dist/bundle', format: 'esm' },
  },
];
