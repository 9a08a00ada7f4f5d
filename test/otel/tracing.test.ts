/** Spans of calls, commits, requests, deliveries and messages: what they say, and that none of it can fail a call. */
import { type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AlwaysOffSampler } from '@opentelemetry/sdk-trace-base';
import { describe, expect, onTestFinished, test } from 'vitest';
import { bearerTokens, createCreditsApi } from '../../src/entries/http.js';
import { natsSink, natsSource } from '../../src/entries/nats.js';
import { openTelemetryTracer } from '../../src/entries/otel.js';
import { SqlDbManager } from '../../src/entries/sql.js';
import {
  type CreditEvent,
  type CreditManagementOptions,
  createCreditManagement,
  InMemoryDbManager,
  type Tracer,
  webhookSink,
} from '../../src/index.js';
import { describeOwnNats } from '../backends/nats.js';
import { describePostgres } from '../backends/postgres.js';
import { TOKEN, TOKEN_SHA256 } from '../serve/service-process.js';
import { codeOf } from '../support/codes.js';
import { QUIET } from '../support/quiet.js';
import { eventually } from '../support/wait.js';
import { idOf, recordSpans, traceOf } from './spans.js';

const ADMIN = { userId: 'admin', roles: ['admin'] };

function traced(options: Partial<CreditManagementOptions> = {}) {
  const manager = createCreditManagement({ logger: QUIET, tracer: openTelemetryTracer(), ...options });
  onTestFinished(() => manager.close());
  return manager;
}

/** Runs work below a span of the host. */
function inSpan<T>(work: () => Promise<T>): Promise<T> {
  return trace.getTracer('host').startActiveSpan('host', async (span: Span) => {
    try {
      return await work();
    } finally {
      span.end();
    }
  });
}

describe('a call', () => {
  test('is a span below the one that runs, with its parts and without its account', async () => {
    const spans = recordSpans();
    const { credits } = traced();
    await inSpan(() => credits.addCredits('somebody@example.com', 12.5, { metadata: { note: 'private' } }));
    const [host] = spans.named('host');
    const [call, ...more] = spans.named('credits.add');
    expect(more).toEqual([]);
    expect([traceOf(call), call?.parentSpanContext?.spanId]).toEqual([traceOf(host), idOf(host)]);
    expect(call?.attributes).toEqual({
      'credits.outcome': 'ok',
      'credits.wait_ms': expect.any(Number),
      'credits.decide_ms': expect.any(Number),
      'credits.commit_ms': expect.any(Number),
    });
    expect(call?.status.code).toBe(SpanStatusCode.UNSET);
    const parts = ['wait', 'decide', 'commit'].map((part) => call?.attributes[`credits.${part}_ms`] as number);
    expect(parts.every((ms) => ms >= 0)).toBe(true);
    const [commit] = spans.named('credits.commit');
    expect([commit?.parentSpanContext?.spanId, commit?.links.length]).toEqual([idOf(call), 1]);
    const written = JSON.stringify(spans.all().map(({ name, attributes, events }) => [name, attributes, events]));
    expect(written).not.toMatch(/somebody|private|12\.5/);
  });

  test('that is refused, repeated or wrong says so', async () => {
    const spans = recordSpans();
    const { credits } = traced();
    await credits.addCredits('u', 5, { idempotencyKey: 'k' });
    await credits.addCredits('u', 5, { idempotencyKey: 'k' });
    expect(await codeOf(credits.deductCredits('u', 50))).toBe('INSUFFICIENT_CREDITS');
    expect(await codeOf(credits.addCredits('u', -1))).toBe('INVALID_AMOUNT');
    expect(spans.named('credits.add').map(({ attributes }) => attributes['credits.replayed'])).toEqual([
      undefined,
      true,
    ]);
    expect(spans.named('credits.deduct')).toMatchObject([
      {
        status: { code: SpanStatusCode.ERROR },
        attributes: { 'credits.outcome': 'INSUFFICIENT_CREDITS', 'error.type': 'INSUFFICIENT_CREDITS' },
      },
    ]);
  });

  test('that does not enter ends its span, too', async () => {
    const spans = recordSpans();
    const manager = traced();
    await manager.credits.addCredits('u', 5);
    expect(await codeOf(manager.credits.addCredits('u', 5, { signal: AbortSignal.abort() }))).toBe('ABORTED');
    await manager.close();
    expect(await codeOf(manager.credits.addCredits('u', 5))).toBe('CLOSED');
    expect(spans.named('credits.add').map(({ attributes }) => attributes['credits.outcome'])).toEqual([
      'ok',
      'ABORTED',
      'CLOSED',
    ]);
  });

  test('in a commit of many is linked to it, and the commit is below none of them', async () => {
    const spans = recordSpans();
    const { credits } = traced();
    await credits.addCredits('u', 100);
    await Promise.all(Array.from({ length: 20 }, () => credits.deductCredits('u', 1)));
    const calls = spans.named('credits.deduct');
    expect(new Set(calls.map(traceOf)).size).toBe(20);
    const commits = spans.named('credits.commit').filter(({ links }) => links.length > 1);
    const linked = spans.named('credits.commit').flatMap(({ links }) => links.map(({ context }) => context.spanId));
    expect(linked.sort()).toEqual([...calls, ...spans.named('credits.add')].map(idOf).sort());
    expect(commits.length).toBeGreaterThan(0);
    for (const commit of commits) {
      expect(commit.parentSpanContext).toBeUndefined();
      expect(commit.attributes['credits.calls']).toBe(commit.links.length);
    }
  });

  test('that changes a plan or a promo code is a span, a dry run is none', async () => {
    const spans = recordSpans();
    const manager = traced();
    await manager.promos.createPromo({ code: 'HELLO', credits: 5 });
    await manager.credits.addCredits('u', 5, { dryRun: true });
    expect(spans.all().map(({ name }) => name)).toEqual(['credits.create_promo']);
  });

  test('outlives a tracer that throws, which the log tells once', async () => {
    const errors: string[] = [];
    const logger = { ...QUIET, error: (_: object, message = '') => void errors.push(message) };
    const broken = () => {
      throw new Error('broken');
    };
    const span = { traceparent: null, isRecorded: true, within: broken, end: broken };
    const worse = Object.defineProperties({ ...span }, { traceparent: { get: broken }, isRecorded: { get: broken } });
    const tracers: readonly Tracer[] = [{ start: broken }, { start: () => span }, { start: () => worse }];
    for (const tracer of tracers) {
      const sink = { name: 'sink', publish: async () => {} };
      const manager = traced({ tracer, logger, sinks: [sink] });
      const api = createCreditsApi({ manager, tracer, logger: QUIET, authenticate: () => ({ userId: 'u' }) });
      expect((await api.fetch(new Request('http://localhost/credits/balance/u'))).status).toBe(200);
      await manager.credits.addCredits('u', 5);
      await Promise.all([manager.credits.deductCredits('u', 1), manager.credits.deductCredits('u', 1)]);
      await manager.promos.createPromo({ code: 'HELLO', credits: 5 });
      expect((await manager.credits.getUserCreditsInfo('u')).balance).toBe(3);
    }
    expect(errors).toEqual(tracers.map(() => 'Tracing failed; operations go on without it'));
  });

  test('without a registered SDK leaves no trace in its events', async () => {
    const events: CreditEvent[] = [];
    const manager = traced();
    manager.on('*', (event) => void events.push(event));
    await manager.credits.addCredits('u', 5);
    expect(events.length).toBeGreaterThan(0);
    for (const event of events) expect(event).not.toHaveProperty('traceparent');
  });

  test('that is not sampled hands on that decision', async () => {
    const spans = recordSpans(new AlwaysOffSampler());
    const events: CreditEvent[] = [];
    const manager = traced();
    manager.on('credits.recharged', (event) => void events.push(event));
    await manager.credits.addCredits('u', 5);
    expect(spans.all()).toEqual([]);
    expect(events[0]?.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  });
});

await describePostgres('a call in a transaction of the host', (database) => {
  test('is a span, whether it is kept or rolled back', async () => {
    const spans = recordSpans();
    const db = new SqlDbManager({ url: database.url, prefix: 'traced_' });
    const manager = createCreditManagement({ db, logger: QUIET, tracer: openTelemetryTracer() });
    onTestFinished(() => manager.close());
    await db.transaction(async (session) => {
      await manager.credits.addCredits('u', 5, { session });
      expect(await codeOf(manager.credits.deductCredits('u', 50, { session }))).toBe('INSUFFICIENT_CREDITS');
    });
    const outcomes = [...spans.named('credits.add'), ...spans.named('credits.deduct')];
    expect(outcomes.map(({ attributes }) => attributes['credits.outcome'])).toEqual(['ok', 'INSUFFICIENT_CREDITS']);
  });
});

describe('a request', () => {
  function apiOf(manager: ReturnType<typeof traced>, traceIds: (string | null)[] = []) {
    return createCreditsApi({
      ...{ manager, tracer: openTelemetryTracer(), logger: QUIET },
      authenticate: bearerTokens({ [TOKEN_SHA256]: ADMIN }),
      authorize: () => true,
      onAnswer: ({ traceId }) => void traceIds.push(traceId),
    });
  }
  const send = (api: ReturnType<typeof apiOf>, path: string, headers: Record<string, string> = {}, body?: object) =>
    api.fetch(
      new Request(`http://localhost${path}`, {
        method: body ? 'POST' : 'GET',
        headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json', ...headers },
        ...(body && { body: JSON.stringify(body) }),
      }),
    );

  test('goes on with the trace of its sender, by the template of its route', async () => {
    const spans = recordSpans();
    const traceIds: (string | null)[] = [];
    const api = apiOf(traced(), traceIds);
    const traceId = 'a'.repeat(32);
    const traceparent = `00-${traceId}-${'b'.repeat(16)}-01`;
    await send(api, '/admin/credits/add', { traceparent }, { user_id: 'somebody', amount: 5 });
    const [request] = spans.named('POST /admin/credits/add');
    expect(request).toMatchObject({
      kind: SpanKind.SERVER,
      parentSpanContext: { spanId: 'b'.repeat(16) },
      attributes: {
        'http.request.method': 'POST',
        'http.route': '/admin/credits/add',
        'http.response.status_code': 200,
      },
    });
    const [call] = spans.named('credits.add');
    expect([traceOf(call), call?.parentSpanContext?.spanId]).toEqual([traceId, idOf(request)]);
    expect(traceIds).toEqual([traceId]);
    await send(api, '/credits/balance/somebody');
    await send(api, '/nothing/at/all');
    expect(spans.all().map(({ name }) => name)).toEqual([
      ...['credits.commit', 'credits.add', 'POST /admin/credits/add', 'GET /credits/balance/{user_id}', 'GET'],
    ]);
    expect(JSON.stringify(spans.all().map(({ attributes }) => attributes))).not.toContain('somebody');
  });

  test('is part of the span that the host has begun for it', async () => {
    const spans = recordSpans();
    const api = apiOf(traced());
    await inSpan(() => send(api, '/credits/balance/u', { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` }));
    const [host] = spans.named('host');
    const [request] = spans.named('GET /credits/balance/{user_id}');
    expect([request?.kind, request?.parentSpanContext?.spanId]).toEqual([SpanKind.INTERNAL, idOf(host)]);
  });

  test.each(['', 'nonsense', `00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`, `ff-${'a'.repeat(32)}-${'b'.repeat(16)}-01`])(
    'with the header %j begins a trace of its own',
    async (traceparent) => {
      const spans = recordSpans();
      await send(apiOf(traced()), '/credits/balance/u', { traceparent });
      expect(spans.all()).toMatchObject([{ parentSpanContext: undefined }]);
    },
  );
});

test('a webhook is sent in the trace of the call that caused it', async () => {
  const spans = recordSpans();
  const sent: Headers[] = [];
  const sink = webhookSink({
    ...{ name: 'hook', url: 'https://hooks.example.com', secret: `whsec_${Buffer.alloc(32, 7).toString('base64')}` },
    fetch: async (_, init) => {
      sent.push(new Headers(init?.headers));
      return new Response(null, { status: sent.length === 1 ? 400 : 204 });
    },
    types: ['credits.recharged'],
  });
  const manager = traced({ sinks: [sink] });
  await manager.credits.addCredits('u', 5);
  await manager.jobs.runOutbox();
  const [call] = spans.named('credits.add');
  const [publish] = spans.named('publish credits.recharged');
  expect(sent[0]?.get('traceparent')).toBe(`00-${traceOf(call)}-${idOf(call)}-01`);
  expect(publish).toMatchObject({
    kind: SpanKind.PRODUCER,
    parentSpanContext: { spanId: idOf(call) },
    attributes: { 'messaging.destination.name': 'hook', 'error.type': 'REJECTED' },
  });
});

describeOwnNats('from a request to the consumer of its event', (startNats) => {
  test('is one trace: request, call, commit, delivery and message', async () => {
    const spans = recordSpans();
    const nats = await startNats();
    const place = { url: nats.url, createStreams: true };
    const seller = traced({ db: new InMemoryDbManager(), sinks: [natsSink(place)] });
    const reader = traced({
      db: new InMemoryDbManager(),
      sources: [natsSource({ ...place, subjects: ['evt.credits.recharged'] })],
    });
    const received: string[] = [];
    reader.inbox.on('evt.credits.recharged', { safeParse: (data) => ({ success: true, data }) }, async (message) => {
      const { options } = message;
      await reader.credits.addCredits('copy', 1, options as never);
      received.push(message.eventId);
    });
    const api = createCreditsApi({
      ...{ manager: seller, tracer: openTelemetryTracer(), logger: QUIET },
      authenticate: bearerTokens({ [TOKEN_SHA256]: ADMIN }),
      authorize: () => true,
    });
    const answer = await api.fetch(
      new Request('http://localhost/admin/credits/add', {
        method: 'POST',
        headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
        body: JSON.stringify({ user_id: 'u', amount: 5 }),
      }),
    );
    expect(answer.status).toBe(200);
    reader.start();
    await eventually(async () => {
      await seller.jobs.runOutbox();
      expect(received.length).toBe(1);
      expect(spans.named('process evt.credits.recharged').length).toBe(1);
    });
    const chain = [
      ...['POST /admin/credits/add', 'credits.add', 'publish credits.recharged', 'process evt.credits.recharged'],
    ].map((name) => spans.named(name)[0]);
    const [request, call, publish, message] = chain;
    expect(new Set(chain.map(traceOf)).size).toBe(1);
    expect(call?.parentSpanContext?.spanId).toBe(idOf(request));
    expect(spans.named('credits.commit')[0]?.parentSpanContext?.spanId).toBe(idOf(call));
    expect([publish, message].map((span) => span?.parentSpanContext?.spanId)).toEqual([idOf(call), idOf(call)]);
    expect([publish?.kind, message?.kind]).toEqual([SpanKind.PRODUCER, SpanKind.CONSUMER]);
    // What the consumer does belongs to it, too.
    const copy = spans.named('credits.add').find((span) => span.parentSpanContext?.spanId === idOf(message));
    expect(traceOf(copy)).toBe(traceOf(request));
  });
});
