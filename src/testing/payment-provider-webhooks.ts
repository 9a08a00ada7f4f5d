/** Tests of the `PaymentProvider` suite: whom a webhook is believed, and what is made of odd bodies. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { PaymentProviderUnderTest, ProviderTest, SignedWebhook } from './payment-provider-contract.js';
import { checkEvent, checkJson, newLink, read, refused } from './payment-provider-fixture.js';

const INVALID = ['WEBHOOK_SIGNATURE_INVALID'] as const;

async function paidWebhook({ provider, pay }: PaymentProviderUnderTest): Promise<SignedWebhook> {
  const link = newLink();
  await provider.createPaymentLink(link);
  return pay(link.reference);
}

/** Reads a webhook that must be refused. */
async function expectRefusal(given: PaymentProviderUnderTest, { body, headers }: SignedWebhook, codes: typeof INVALID) {
  const { provider, now, secrets } = given;
  await refused(async () => provider.readWebhook(body, headers, now), codes, secrets);
}

/** The bytes with one of them changed. */
function changed(bytes: Uint8Array, at: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

export const webhookTests: Readonly<Record<string, ProviderTest>> = {
  'believes a webhook as often as it comes': async (given) => {
    const webhook = await paidWebhook(given);
    const [first, again] = [await read(given, webhook), await read(given, webhook)];
    assert.deepEqual(again, first);
  },

  'believes none whose body was changed, wherever': async (given) => {
    const { body, headers } = await paidWebhook(given);
    for (let i = 0; i <= 32; i++) {
      const at = Math.min(body.length - 1, Math.floor((body.length * i) / 32));
      await expectRefusal(given, { body: changed(body, at), headers }, INVALID);
    }
    for (const other of [new Uint8Array(), body.subarray(1), body.subarray(0, -1), Buffer.concat([body, body])]) {
      await expectRefusal(given, { body: other, headers }, INVALID);
    }
  },

  'believes none without the headers of its signature': async (given) => {
    const { body, headers } = await paidWebhook(given);
    await expectRefusal(given, { body, headers: new Headers() }, INVALID);
    const right = await read(given, { body, headers });
    for (const [name, value] of headers) {
      for (const other of ['', ' ', 'v1=', '\u00e9', '0'.repeat(64), value.slice(0, -1), `${value}0`, `x, ${value}`]) {
        const copy = new Headers(headers);
        copy.set(name, other);
        const call = async () => given.provider.readWebhook(body, copy, given.now);
        const end = await call().catch(() => null);
        // A header that is not signed may be anything. It then changes nothing.
        if (end === null) await refused(call, INVALID, given.secrets);
        else assert.deepEqual(end, right);
      }
    }
  },

  'believes none that was signed for another body': async (given) => {
    const [one, other] = [await paidWebhook(given), await paidWebhook(given)];
    await expectRefusal(given, { body: one.body, headers: other.headers }, INVALID);
  },

  'refuses a signed body that is no event': async (given) => {
    const bodies = ['', 'x', 'null', '[]', '"x"', '1', '{', '{}', '\ufeff{}', '{"a":1}{"a":1}', '['.repeat(50_000)];
    for (const body of [...bodies.map((text) => Buffer.from(text)), Uint8Array.of(0xff, 0xfe, 0x7b, 0x7d)]) {
      const headers = await given.sign(body);
      const { provider, now, secrets } = given;
      await refused(async () => provider.readWebhook(body, headers, now), ['INVALID_ARGUMENT'], secrets);
    }
  },

  'refuses a body that was parsed before': async (given) => {
    const { body, headers } = await paidWebhook(given);
    const { provider, now, secrets } = given;
    const text = Buffer.from(body).toString();
    for (const parsed of [text, JSON.parse(text), null, undefined] as unknown[]) {
      const call = async () => provider.readWebhook(parsed as Uint8Array, headers, now);
      await refused(call, ['INVALID_ARGUMENT', 'WEBHOOK_SIGNATURE_INVALID'], secrets);
    }
  },

  'reads the same of a body that is written otherwise': async (given) => {
    const webhook = await paidWebhook(given);
    const { events } = await read(given, webhook);
    const value: unknown = JSON.parse(Buffer.from(webhook.body).toString());
    const escaped = JSON.stringify(value).replaceAll('y', '\\u0079');
    for (const text of [JSON.stringify(value, null, 2), escaped]) {
      const body = Buffer.from(text);
      assert.deepEqual((await read(given, { body, headers: await given.sign(body) })).events, events);
    }
  },

  'makes an event of the right shape, or a typed error, of any signed object': async (given) => {
    const { provider, now, secrets } = given;
    const { body } = await paidWebhook(given);
    for (let seed = 0; seed < 300; seed++) {
      const mutated = Buffer.from(mutant(JSON.parse(Buffer.from(body).toString()), seed));
      const headers = await given.sign(mutated);
      const read = async () => provider.readWebhook(mutated, headers, now);
      const end = await read().catch(() => null);
      if (end === null) await refused(read, ['INVALID_ARGUMENT'], secrets);
      for (const event of end?.events ?? []) checkEvent(event);
      checkJson(end?.payload);
    }
  },
};

/** Texts of JSON that a reader may not expect where they stand. */
const ODD = [
  ...['null', '[]', '{}', '""', '"x"', '0', '-0', '-5', '0.5', '1e400', '9007199254740993', 'true', '"50000"'],
  ...['[[]]', '{"id":null}', '"\\u0000"', '"\\ud800"', '{"__proto__":{"id":"x"}}', '{"toString":1,"valueOf":1}'],
  ...['"__proto__"', '"constructor"', `"${'x'.repeat(300)}"`, `${'['.repeat(200)}${']'.repeat(200)}`],
];

/** The text of a value in which one field, chosen by the seed, is something odd or is missing. */
function mutant(value: unknown, seed: number): string {
  const chance = createHash('sha256').update(`mutant ${seed}`).digest();
  const paths: { holder: Record<string, unknown>; key: string }[] = [];
  const walk = (holder: unknown): void => {
    if (typeof holder !== 'object' || holder === null) return;
    for (const [key, field] of Object.entries(holder)) {
      paths.push({ holder: holder as Record<string, unknown>, key });
      walk(field);
    }
  };
  walk(value);
  const place = paths[chance.readUInt32BE(0) % paths.length];
  if (!place) return JSON.stringify(value);
  const odd = ODD[chance.readUInt32BE(4) % (ODD.length + 1)];
  const marker = `odd-${seed}`;
  if (odd === undefined) delete place.holder[place.key];
  else place.holder[place.key] = marker;
  return JSON.stringify(value).replace(JSON.stringify(marker), () => odd ?? '');
}
