/** At the end of a sequence: the ledger verifies, its file holds exactly its entries, and damage is told and mended. */
import { readFile, stat, truncate } from 'node:fs/promises';
import type { Chance } from '../support/chance.js';
import { userOf } from './account-names.js';
import { type Differences, differ } from './compare.js';
import type { Happened } from './happened.js';
import { type Contents, compareLines, compareStory, contentsOf, lackingIn, outOfOrder } from './ledger-file.js';
import type { Library, Row } from './library.js';
import type { Oracle } from './oracle.js';

/** Of so many sequences without a file one is verified. */
const VERIFIED_EVERY = 3;
/** `verify()` waits most of a second before it names lines that lack: of so many files it is asked about one. */
const NAMED_EVERY = 50;
/** Clocks of several processes may differ by this much at most (rule 23). */
const CLOCKS_DIFFER_MS = 5_000;

export interface Ledgered {
  readonly oracle: Oracle;
  readonly library: Library;
  readonly users: readonly string[];
  readonly happened: Happened;
  /** The latest that the clock ever showed. */
  readonly latestClock: number;
}

/** `verify()` finds nothing in the database, and counts as many entries as the oracle wrote. */
export async function auditLedger(ledgered: Ledgered, chance: Chance): Promise<Differences> {
  const { oracle, library, users, happened, latestClock } = ledgered;
  const turn = chance.below(100);
  const found: Differences = [];
  if (library.filePath !== null) return found;
  const isBehind = library.clockNow + CLOCKS_DIFFER_MS < latestClock;
  if (isBehind) found.push(...(await auditFuture(ledgered, turn)));
  else if (chance.below(VERIFIED_EVERY) > 0) return found;
  library.clockNow = latestClock;
  const report = await library.ledger(turn).verify();
  const chained = users.reduce((sum, user) => sum + oracle.stored(user).entries.length, 0);
  const checked = oracle.systemEntries + chained + oracle.refusalsWritten;
  happened.count('ledgers verified');
  happened.count('entries verified', report.checked);
  return [...found, ...differ('verify', { ok: true, problems: [], checked, problemCount: 0, file: null }, report)];
}

/** Rule 11: entries that the clock has not reached are reported, and nothing else is. */
async function auditFuture({ library, happened }: Ledgered, turn: number): Promise<Differences> {
  const rows = await library.allEntryRows();
  const { problems, problemCount } = await library.ledger(turn).verify();
  const told = new Set(problems.map((problem) => problem.id));
  const found = problems.filter(({ kind }) => kind !== 'future').map(({ kind, id }) => `verify: ${kind} ${id}`);
  // Not all of very many are told.
  const isWhole = problemCount === problems.length;
  for (const { id, at } of rows) {
    const ahead = Number(at) - library.clockNow;
    if (ahead <= 0 && told.has(String(id))) found.push(`verify: ${id} is not of the future`);
    if (isWhole && ahead > CLOCKS_DIFFER_MS && !told.has(String(id))) found.push(`verify: ${id} is of the future`);
    if (ahead > CLOCKS_DIFFER_MS) happened.count('entries of the future');
  }
  return found;
}

/** Everything about the file; nothing else may happen in the sequence afterwards. */
export async function auditFile(ledgered: Ledgered, chance: Chance): Promise<Differences> {
  const { library, happened, latestClock, users } = ledgered;
  const { filePath } = library;
  if (filePath === null) return [];
  happened.count('files compared');
  library.clockNow = latestClock;
  const found: Differences = [];
  if (library.instances === 1) found.push(...(await auditSingle(ledgered, filePath)));
  else found.push(...(await auditShared(ledgered, filePath)));
  if (found.length === 0 && chance.below(3) === 0) found.push(...(await auditTorn(ledgered, filePath, chance)));
  if (found.length === 0 && chance.below(4) === 0) found.push(...(await auditRebuilt(ledgered, filePath)));
  if (found.length === 0 && chance.below(3) === 0)
    found.push(...(await auditOne(ledgered, userOf(chance.pick(users)))));
  return found;
}

/** One process that never ended: every entry has its line, once and in order, without any repair. */
async function auditSingle(ledgered: Ledgered, filePath: string): Promise<Differences> {
  ledgered.happened.count('files of one instance');
  const rows = await ledgered.library.allEntryRows();
  // What a process has committed it has written when it is asked for the state of its ledger.
  const found = await verify(ledgered, rows, 0);
  const contents = contentsOf(await bytesOf(filePath));
  const { lines, blank } = contents;
  found.push(...differ('file', { lines: rows.length, blank: 0 }, { lines: lines.length, blank }));
  return [...found, ...outOfOrder(lines), ...compareAll(ledgered, contents, rows, 0)];
}

/** Several processes, of which some had no file: what those wrote is lacking, nothing else, and is brought back. */
async function auditShared(ledgered: Ledgered, filePath: string): Promise<Differences> {
  const { library, happened } = ledgered;
  // The others end, and each writes what it still had.
  await library.restart();
  const rows = await library.allEntryRows();
  const contents = contentsOf(await bytesOf(filePath));
  const lacking = lackingIn(contents, rows);
  const unfiled = rows.filter((row) => library.unfiledIds.has(String(row.operationId))).map((row) => String(row.id));
  happened.count('files of several instances');
  happened.count('lines that no instance wrote', lacking.length);
  const found = differ('file', { lacking: unfiled }, { lacking });
  if (found.length > 0) return found;
  if (lacking.length > 0) return reconcile(ledgered, filePath, lacking, 0);
  return [...(await verify(ledgered, rows, 0)), ...compareAll(ledgered, contents, rows, 0)];
}

/** The last write was cut short anywhere in the file: what is gone is named and brought back, what is left is left. */
async function auditTorn(ledgered: Ledgered, filePath: string, chance: Chance): Promise<Differences> {
  const { library, happened } = ledgered;
  const rows = await library.allEntryRows();
  const { size } = await stat(filePath);
  await truncate(filePath, size - 1 - chance.below(Math.min(size, chance.pick([200, 2_000, size]))));
  const bytes = await bytesOf(filePath);
  const left = contentsOf(bytes);
  const isLine = contentsOf(Buffer.from(`${left.tail}\n`)).lines.length > 0;
  happened.count('files cut short');
  if (left.tail !== '' && !isLine) happened.count('lines cut in two');
  const found = await reconcile(ledgered, filePath, lackingIn(left, rows), left.tail === '' || isLine ? 0 : 1);
  const mended = await bytesOf(filePath);
  if (!mended.subarray(0, bytes.length).equals(bytes)) found.push('what was left of the file was changed');
  return found;
}

/** A new file in order of time, the old one kept. */
async function auditRebuilt(ledgered: Ledgered, filePath: string): Promise<Differences> {
  const { library, happened } = ledgered;
  const old = await bytesOf(filePath);
  const before = await library.allEntryRows();
  const { lines, replaced } = await library.ledger(0).rebuildFile();
  happened.count('files rebuilt');
  const found = differ('rebuildFile', { lines: before.length }, { lines });
  if (replaced === null || !(await readFile(replaced)).equals(old)) found.push('the old file was not kept');
  const rows = await library.allEntryRows();
  found.push(...(await verify(ledgered, rows, 0)));
  const contents = contentsOf(await bytesOf(filePath));
  const instants = contents.lines.map((line) => String(line.fields.created_at));
  if (instants.some((at, i) => at < (instants[i - 1] ?? ''))) found.push('the new file is not in order of time');
  found.push(...differ('new file', { lines: rows.length }, { lines: contents.lines.length }));
  return [...found, ...outOfOrder(contents.lines), ...compareAll(ledgered, contents, rows, 0)];
}

/** The part of one user alone. */
async function auditOne({ library, happened }: Ledgered, userId: string): Promise<Differences> {
  const rows = await library.allEntryRows();
  const checked = rows.filter((row) => row.userId === userId).length;
  happened.count('users verified alone');
  const report = await library.ledger(0).verify({ userId });
  return differ(`verify ${userId}`, { ok: true, problems: [], checked }, report);
}

/** Names exactly the entries without a line, appends exactly these, and is whole then. */
async function reconcile(
  ledgered: Ledgered,
  filePath: string,
  lacking: readonly string[],
  pieces: number,
): Promise<Differences> {
  const { library, happened } = ledgered;
  const ledger = library.ledger(0);
  const found: Differences = [];
  if (lacking.length > 0 && happened.get('damage named') + 0.5 <= happened.get('files compared') / NAMED_EVERY) {
    happened.count('damage named');
    const { ok, problems } = await ledger.verify();
    const told = problems.map(({ kind, id }) => `${kind} ${id}`).sort();
    const wanted = lacking.map((id) => `file_missing ${id}`).sort();
    found.push(...differ('verify', { ok: false, problems: wanted }, { ok, problems: told }));
  }
  found.push(...differ('reconcile', { added: lacking.length }, await ledger.reconcile()));
  happened.count('lines brought back', lacking.length);
  const rows = await library.allEntryRows();
  found.push(...(await verify(ledgered, rows, pieces)));
  return [...found, ...compareAll(ledgered, contentsOf(await bytesOf(filePath)), rows, pieces)];
}

async function verify({ library }: Ledgered, rows: readonly Row[], torn: number): Promise<Differences> {
  const report = await library.ledger(0).verify();
  const found = differ('verify', { ok: true, problems: [], checked: rows.length }, report);
  return [...found, ...differ('verify.file', { foreign: 0, torn }, report.file)];
}

/** The file is what the database has, and what the oracle says. */
function compareAll(ledgered: Ledgered, contents: Contents, rows: readonly Row[], pieces: number): Differences {
  const { oracle, users, happened } = ledgered;
  happened.count('lines compared', contents.lines.length);
  const refusals = rows.filter((row) => row.type === 'error').length;
  return [
    ...compareLines(contents, rows, pieces),
    ...users.flatMap((user) => compareStory(contents, oracle.stored(user))),
    ...differ('file', { refusals: oracle.refusalsWritten }, { refusals }),
  ];
}

/** A file that nobody wrote to is as an empty one: what it lacks is compared all the same. */
function bytesOf(path: string): Promise<Buffer> {
  return readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  });
}
