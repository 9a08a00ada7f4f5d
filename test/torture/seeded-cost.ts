/** Bugs planted where an operation was made cheaper. */
import type { SeededBug } from './seeded-bug.js';

const KEPT = 'test/db/postgres/kept-connections.test.ts';
const ENDED = 'test/db/postgres/ended-connections.test.ts';
const FIRST = 'test/db/postgres/first-entry.test.ts';
const PG = 'src/db/sql/drivers/pg.ts';
const CONNECTION = 'src/db/sql/drivers/pg-connection.ts';
const WRITTEN = 'the state of an account, in memory is written by what changes it alone';
const EARLIER = 'the state of an account, in memory that an earlier version wrote is replaced whole';
const GRANTS = 'an open grant, in memory is stored by its facts';

export const COST_BUGS: readonly SeededBug[] = [
  {
    id: 'CO-1',
    title: 'a kept connection that the server has ended is handed out',
    file: PG,
    find: '    if (this.#kept.includes(connection)) this.#giveKeptBack(connection);\n',
    replace: '',
    tests: [{ file: KEPT, name: 'are not handed out once the server has ended them' }],
  },
  {
    id: 'CO-2',
    title: 'a connection is kept although somebody waits for one',
    file: PG,
    find: 'this.#isClosed || this.#pool.waitingCount !== 0',
    replace: 'this.#isClosed',
    tests: [{ file: KEPT, name: 'are given to whoever waits for one' }],
  },
  {
    id: 'CO-3',
    title: 'a connection that was released twice is handed out twice',
    file: PG,
    find: '        if (isOurs) this.#release(connection);\n        isOurs = false;\n',
    replace: '        this.#release(connection);\n',
    tests: [{ file: KEPT, name: 'serve the next call at once, and go back to the pool' }],
  },
  {
    id: 'CO-4',
    title: 'values are dropped before the driver has sent them',
    file: CONNECTION,
    find: 'const wasReady = isReady();',
    replace: 'const wasReady = true;',
    tests: [{ file: KEPT, name: 'send the values of statements that wait for each other' }],
  },
  {
    id: 'CO-9',
    title: 'a connection for which nobody waits any more is used all the same, and handed out twice',
    file: PG,
    find: "      throw new Error('The call was given up.');\n",
    replace: '',
    also: [{ find: "    if (!connection.isOut) throw new Error('The call was given up.');\n", replace: '' }],
    tests: [{ file: KEPT, name: 'go to nobody who has given up before they were there' }],
  },
  {
    id: 'CO-10',
    title: 'a kept connection that the server has given up is handed out until it is closed',
    file: PG,
    find: "['error', 'end'] as const",
    replace: "['end'] as const",
    tests: [{ file: ENDED, name: 'are not handed out once the server has said so' }],
  },
  {
    id: 'CO-11',
    title: 'values are dropped although the host has them wait',
    file: CONNECTION,
    find: 'if (wasReady && !isReady()) given.length = 0;',
    replace: 'if (wasReady) given.length = 0;',
    tests: [{ file: ENDED, name: 'send their values where a host has wrapped' }],
  },
  {
    id: 'CO-12',
    title: 'new terms of a grant drop what a newer version keeps in it',
    file: 'src/core/draft.ts',
    find: 'Object.assign(grantCopy(grant as OpenGrant), terms)',
    replace: '{ ...(grant as OpenGrant), ...terms }',
    tests: [
      { file: 'test/core/state-keys.test.ts', name: 'of a newer version, in memory parts of the state of an account' },
    ],
  },
  {
    id: 'CO-13',
    title: 'an attempt that its deadline cuts short is a failure of the database',
    file: 'src/services/pipeline/outcomes.ts',
    find: 'if (error !== LATE && !isCutShort)',
    replace: 'if (error !== LATE || isCutShort)',
    tests: [{ file: 'test/pipeline/deadline.test.ts', name: 'after a conflict, a read that is cut short' }],
  },
  {
    id: 'CO-5',
    title: 'a lone replacement keeps the fields that another one kept',
    file: 'src/db/sql/postgres/write.ts',
    find: "(change.op === 'replace' && change.unchanged) || ''",
    replace: "''",
    tests: [{ file: FIRST, name: 'gives it its age' }],
  },
  {
    id: 'CO-6',
    title: 'a copy of a grant drops what a newer version keeps in it',
    file: 'src/core/open-grant.ts',
    find: 'if (isNewer) Object.assign(this, grant);',
    replace: '',
    tests: [
      { file: 'test/core/state-keys.test.ts', name: 'of a newer version, in memory parts of the state of an account' },
    ],
  },
  {
    id: 'CO-7',
    title: 'an account without entries never gets its age',
    file: 'src/services/pipeline/decide-group.ts',
    find: 'account.seq > 0 ? kept : undefined',
    replace: 'row.seq > 0 ? kept : undefined',
    tests: [{ file: FIRST, name: 'gives it its age' }],
  },
  {
    id: 'CO-8',
    title: 'the text of an instant is that of another day',
    file: 'src/models/iso-text.ts',
    find: 'if (days[place] !== day) {',
    replace: 'if (Number.isNaN(days[place])) {',
    tests: [{ file: 'test/models/iso-text.test.ts', name: 'is that of toISOString' }],
  },
  {
    id: 'CO-14',
    title: 'credits that a hold frees are not due when their grant ends',
    file: 'src/core/advance.ts',
    find: 'else noteDue(draft, grant.expiresAt);',
    replace: '',
    tests: [
      { file: 'test/jobs/left-due.test.ts', name: 'in memory credits that a hold frees are due when their grant ends' },
    ],
  },
  {
    id: 'CO-15',
    title: 'the due instant that a hold has left is found by every run of a job',
    file: 'src/services/pipeline/decide-group.ts',
    find: 'if (decision.dueAt !== undefined) {',
    replace: 'if (decision.dueAt === Number.NaN) {',
    tests: [{ file: 'test/jobs/left-due.test.ts', name: 'in memory runExpiration corrects it once' }],
  },
  {
    id: 'CO-16',
    title: 'any due instant before the exact one passes an audit',
    file: 'src/core/replay.ts',
    find: 'isEarly && holdEnds.has(storedDue)',
    replace: 'isEarly',
    tests: [{ file: 'test/ledger/audit-rows.test.ts', name: 'an account row each field changed' }],
  },
  {
    id: 'CO-17',
    title: 'the job of ended holds leaves accounts due of which nothing is',
    file: 'src/services/jobs/service.ts',
    find: ' || !isOver(nextDue(account));',
    replace: ';',
    tests: [{ file: 'test/jobs/left-due.test.ts', name: 'in memory runReservationExpiry corrects it once' }],
  },
  {
    id: 'CO-21',
    title: 'a grant is stored by the terms that it had before they changed',
    file: 'src/core/open-grant.ts',
    find: 'return kept(grant, null, Kept.isNewer(grant));',
    replace: 'return kept(grant, Kept.knownFacts(grant), Kept.isNewer(grant));',
    tests: [{ file: 'test/core/open-grant.test.ts', name: 'an open grant, in memory is stored by its facts' }],
  },
  {
    id: 'CO-22',
    title: 'a grant that got its credits back is stored as one that was never touched',
    file: 'src/core/open-grant.ts',
    find: ' && rowVersion === 1;',
    replace: ';',
    tests: [
      { file: 'test/models/every-field.test.ts', name: 'of an open grant is in the form that its account stores' },
    ],
  },
  {
    id: 'CO-23',
    title: 'a grant with half of its facts is read',
    file: 'src/core/open-grant.ts',
    find: 'if (!Array.isArray(facts) || facts.length < FACTS_MIN || facts.length > FACTS_MAX) {',
    replace: 'if (!Array.isArray(facts)) {',
    tests: [{ file: 'test/jobs/unreadable.test.ts', name: 'accounts that cannot be read are skipped by every run' }],
  },
  {
    id: 'CO-24',
    title: 'an audit takes no grant that an earlier version stored',
    file: 'src/services/ledger/account-audit.ts',
    find: "if (typeof form === 'object' && !Array.isArray(form)) return grant;",
    replace: '',
    tests: [{ file: 'test/core/open-grant.test.ts', name: 'an audit takes a grant as an object' }],
  },
  ...[
    [
      'CO-25',
      'the state of an account stays without a grant that was added',
      'facts?.length !== grants.length',
      'facts === undefined',
      WRITTEN,
    ],
    [
      'CO-26',
      'the state of an account stays with the terms that a grant had',
      'if (facts[i] !== grantToStored(grants[i] as OpenGrant)) return false;',
      '',
      GRANTS,
    ],
    [
      'CO-27',
      'the state of an account stays with the options that it had',
      'state.options === account.options',
      'true',
      WRITTEN,
    ],
    [
      'CO-28',
      'an earlier version has left its state to an account without grants',
      'facts?.length',
      '(facts ?? []).length',
      EARLIER,
    ],
  ].map(([id = '', title = '', find = '', replace = '', name = '']) => ({
    ...{ id, title, find, replace, file: 'src/core/rows.ts' },
    tests: [{ file: name === GRANTS ? 'test/core/open-grant.test.ts' : 'test/core/account-state.test.ts', name }],
  })),
  {
    id: 'CO-30',
    title: 'a version tells no form of an account from another one',
    file: 'src/services/pipeline/account-memory.ts',
    find: 'isEarlier ? 1 : 0',
    replace: 'isEarlier ? 0 : 0',
    tests: [
      {
        file: 'test/core/account-state.test.ts',
        name: 'the state of an account, on PostgreSQL is written whole where an earlier version wrote in place',
      },
    ],
  },
  {
    id: 'CO-31',
    title: 'a text of an entry is taken as it is, whatever JSON needs',
    file: 'src/core/entry-line.ts',
    find: 'ESCAPED.test(value) ?',
    replace: 'value.length < 0 ?',
    tests: [{ file: 'test/core/entry-line.test.ts', name: 'the canonical text is JSON, whatever its texts hold' }],
  },
  {
    id: 'CO-32',
    title: 'a subscription keeps its fields in the database, whatever changed',
    file: 'src/services/pipeline/change-set.ts',
    find: 'fields.every((field) => row[field] === stored[field])',
    replace: 'fields.length > 0',
    tests: [{ file: 'test/pipeline/change-set.test.ts', name: 'a renewal names fields of the subscription that stay' }],
  },
  {
    id: 'CO-33',
    title: 'an event is made for handlers of its own type alone',
    file: 'src/services/pipeline/after-commit.ts',
    find: " || this.#handlers.has('*')",
    replace: '',
    tests: [
      { file: 'test/manager/late-handler.test.ts', name: 'a handler hears of a commit that was decided before it' },
    ],
  },
  ...[
    ['CO-34', 'order', 'rows that unique values find need not have the values asked for', ' && anyOf?.field !== first'],
    ['CO-35', 'table', 'a row that moved along an index stays at its place', 'if (bucket) bucket.sorted = false;'],
    ['CO-36', 'table', 'rows of an index are sorted without their second values', 'bucket.seconds = [];'],
    ['CO-37', 'order', 'null is in a range without a lower end', 'if (value === null) return -1;'],
  ].map(([id = '', file, title = '', find = '']) => ({
    ...{ id, title, find, replace: '', file: `src/db/memory/${file}.ts` },
    tests: [{ file: 'test/db/memory-walks.test.ts', name: 'a walk answers the rows of its query in order' }],
  })),
  {
    id: 'CO-29',
    title: 'a replacement keeps what another one of its batch keeps',
    file: 'src/db/sql/postgres/write-values.ts',
    find: 'return others.every((field) => some.includes(field)) ? others : NONE;',
    replace: 'return some;',
    tests: [
      {
        file: 'test/db/conformance-postgres.test.ts',
        name: 'with a URL queries while rows change a replacement may name fields',
      },
    ],
  },
  ...[
    ['CO-18', 'a text that holds what stands between texts is taken apart', 'value.includes(between)', 'false'],
    ['CO-19', 'a text that stands for none is none', ' || value === none', ''],
    ['CO-20', 'one empty text in a list is no value', 'if (texts.length === 1) texts.push(none);', ''],
  ].map(([id = '', title = '', find = '', replace = '']) => ({
    ...{ id, title, find, replace, file: 'src/db/sql/postgres/columns.ts' },
    tests: [{ file: 'test/db/postgres/batches.test.ts', name: 'keep lists of one empty text or none apart' }],
  })),
];
