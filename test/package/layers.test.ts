/** Every import of `src` fits the layer table, and an import that does not is found. */
import { describe, expect, test } from 'vitest';
import { brokenImports, importsOf, LAYERS } from './layers.js';
import { manifest, sourceFiles } from './source-files.js';

test('every import of src fits the layer table', () => {
  const files = sourceFiles('src');
  expect(files.size).toBeGreaterThan(50);
  expect(brokenImports(files, Object.keys(manifest().peerDependencies ?? {}))).toEqual([]);
});

describe('the check finds a planted import', () => {
  const planted: readonly [path: string, line: string, found: string][] = [
    ['src/core/x.ts', "import { Engine } from '../services/engine.js';", 'core may not import services'],
    ['src/core/x.ts', "import type { Row } from '../ports/db-manager.js';", 'core may not import ports'],
    ['src/core/x.ts', "import { readFile } from 'node:fs/promises';", 'core may not import node:fs/promises'],
    ['src/core/x.ts', "import { z } from 'zod';", 'core may not import the package zod'],
    ['src/models/x.ts', "import { decide } from '../core/decide.js';", 'models may not import core'],
    ['src/models/x.ts', "import { pino } from 'pino';", 'models may not import the package pino'],
    ['src/ports/x.ts', "export { advance } from '../core/advance.js';", 'ports may not import core'],
    ['src/ports/x.ts', "import { types } from 'node:util';", 'ports may not import node:util'],
    ['src/services/x.ts', "import { InMemoryDbManager } from '../db/memory.js';", 'services may not import db'],
    ['src/services/x.ts', "import type { Db } from 'mongodb';", 'services may not import the optional peer mongodb'],
    ['src/services/x.ts', "import fs from 'fs';", 'services may not import the package fs'],
    ['src/db/x.ts', "const { Engine } = await import('../services/engine.js');", 'db may not import services'],
    ['src/db/x.ts', "type X = import('../core/account.js').Account;", 'db may not import core'],
    ['src/db/x.ts', "import { put } from '../cache/memory.js';", 'db may not import cache'],
    ['src/db/x.ts', "import { z } from 'zod';", 'db may not import the package zod'],
    ['src/http/x.ts', "import { decide } from '../core/decide.js';", 'http may not import core'],
    ['src/http/x.ts', "import { hono } from '../metrics/hono.js';", 'http may not import metrics'],
    ['src/errors.ts', "import type { Json } from './models/values.js';", 'errors may not import models'],
    ['src/testing/x.ts', "import { test } from 'vitest';", 'testing may not import the package vitest'],
    ['src/index.ts', "export { Client } from 'pg';", 'root may not import the package pg'],
    ['src/db/x.ts', "import { helper } from '../../test/helper.js';", 'outside src'],
    ['src/utils/x.ts', "import { z } from 'zod';", 'the layer table has no folder "utils"'],
  ];

  test.each(planted)('in %s: %s', (path, line, found) => {
    expect(brokenImports(new Map([[path, line]]), ['mongodb'])).toEqual([expect.stringContaining(found)]);
  });

  test('of an optional peer, below the main entry, also for its types alone', () => {
    const files = new Map([
      ['src/index.ts', "export { createX } from './wiring.js';"],
      ['src/wiring.ts', "import { X } from './db/x.js';"],
      ['src/db/x.ts', "import type { Db } from 'mongodb';"],
    ]);
    expect(brokenImports(files, [])).toEqual(['src/db/x.ts: db may not import the package mongodb']);
    expect(brokenImports(files, ['mongodb'])).toEqual([expect.stringContaining('may not import the peer mongodb')]);
  });
});

test('the check lets a good import pass', () => {
  const files = new Map([
    ['src/core/a.ts', "import { hash } from 'node:crypto';\nimport type { Json } from '../models/values.js';"],
    ['src/db/a.ts', "import { Pool } from 'pg';\nimport { creditError } from '../errors.js';\nimport './table.js';"],
    ['src/index.ts', "export * from './services/a.js';\n// import { x } from 'mongodb';"],
  ]);
  expect(brokenImports(files, ['pg'])).toEqual([]);
});

test('imports are read from code, not from comments or texts', () => {
  const text = "/** import { a } from 'a'; */\nconst b = \"import b from 'b'\";\nimport { c } from 'c';";
  expect(importsOf(text)).toEqual(['c']);
});

test('the table names no layer that does not exist in it', () => {
  const named = Object.values(LAYERS).flatMap(({ layers }) => (layers === 'any' ? [] : layers));
  expect(named.filter((name) => !(name in LAYERS))).toEqual([]);
});
