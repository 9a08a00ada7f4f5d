/** Seeded bugs of tracing: spans that are lost, say too much, or lead nowhere. */
import type { SeededBug } from './seeded-bug.js';

const TRACING = 'test/otel/tracing.test.ts';
const test = (name: string) => ({ file: TRACING, name });

export const TRACING_BUGS: readonly SeededBug[] = [
  {
    id: 'TR-01',
    title: 'a call that does not enter never ends its span',
    file: 'src/services/pipeline/pipeline.ts',
    find: 'if (request.trace) this.#config.tracing?.settled(request.trace, new Failed(error));',
    replace: '',
    tests: [test('that does not enter ends its span, too')],
  },
  {
    id: 'TR-02',
    title: 'an error of the tracer fails the call',
    file: 'src/services/pipeline/tracing.ts',
    find: 'this.#failed(err);\n      return null;',
    replace: 'throw err;',
    tests: [test('outlives a tracer that throws, which the log tells once')],
  },
  {
    id: 'TR-03',
    title: 'a commit of many calls is below the first of them',
    file: 'src/otel/tracer.ts',
    find: 'links.length === 1 && link instanceof OtelSpan',
    replace: 'link instanceof OtelSpan',
    tests: [test('in a commit of many is linked to it, and the commit is below none of them')],
  },
  {
    id: 'TR-04',
    title: 'work inside a span is done twice',
    file: 'src/services/pipeline/tracing.ts',
    find: 'begun ??= work(span);',
    replace: 'begun = work(span);',
    tests: [test('goes on with the trace of its sender, by the template of its route')],
  },
  {
    id: 'TR-05',
    title: 'the name of a span has the path, which names the account',
    file: 'src/http/server.ts',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the text of the source.
    find: '...(route !== undefined && { name: `${method} ${route}` }),',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the text of the source.
    replace: 'name: `${method} ${path}`,',
    tests: [test('goes on with the trace of its sender, by the template of its route')],
  },
  {
    id: 'TR-06',
    title: 'a span of the host is passed over for the header',
    file: 'src/otel/tracer.ts',
    find: 'if (parent) return trace.getSpan(active) ? active : propagation.extract(active, parent, GETTER);',
    replace: 'if (parent) return propagation.extract(active, parent, GETTER);',
    tests: [test('is part of the span that the host has begun for it')],
  },
  {
    id: 'TR-07',
    title: 'an event does not know the span of its call',
    file: 'src/core/seal.ts',
    find: 'traceparent == null ? finished : { ...finished, traceparent }',
    replace: 'finished',
    tests: [test('a webhook is sent in the trace of the call that caused it')],
  },
  {
    id: 'TR-08',
    title: 'a delivery that is refused looks like one that was taken',
    file: 'src/services/outbox/lanes.ts',
    find: "delivery?.rejected === undefined ? {} : { error: 'REJECTED' },",
    replace: 'delivery ? {} : {},',
    tests: [test('a webhook is sent in the trace of the call that caused it')],
  },
  {
    id: 'TR-09',
    title: 'the work on a message begins a trace of its own',
    file: 'src/nats/subscription.ts',
    find: "const traceparent = message.headers?.get('traceparent') || undefined;",
    replace: 'const traceparent = undefined;',
    tests: [test('is one trace: request, call, commit, delivery and message')],
  },
  {
    id: 'TR-10',
    title: 'a call in a transaction of the host never ends its span',
    file: 'src/services/pipeline/engine.ts',
    find: 'if (trace) void settling.then((settled) => tracing?.settled(trace, settled));',
    replace: '',
    tests: [test('is a span, whether it is kept or rolled back')],
  },
  {
    id: 'TR-11',
    title: 'the service ends with spans that nobody has sent',
    file: 'src/serve/service.ts',
    find: 'await tracing?.flush();',
    replace: '',
    tests: [
      {
        file: 'test/serve/tracing.test.ts',
        name: 'spans of requests are sent before the service ends, and its log names their traces',
      },
    ],
  },
  {
    id: 'TR-12',
    title: 'a refund that waited for its order says that it is a purchase',
    file: 'src/services/payments/inbox.ts',
    find: "return provider === ORDERS ? { metadata: { reference_type: 'order_refund', ...payload } } : {};",
    replace: 'return provider === ORDERS ? { metadata: { ...payload } } : {};',
    tests: [
      {
        file: 'test/payments/orders-of-shops.test.ts',
        name: 'in memory a refund that races its order says that it is one of an order',
      },
    ],
  },
];
