/** Schemas for messages of other systems, and for the verbs of the inbox. */
import { z } from 'zod';
import { deadLetterStatusSchema } from '../inbox.js';
import { isNamed } from '../own-fields.js';
import { strictObject } from '../strict-object.js';
import type { JsonObject } from '../values.js';
import { type ListOptions, listShape } from './credits.js';
import { amountSchema, identifierSchema, textSchema } from './values.js';

const SUBJECT = /^[^\s*>]{1,255}$/;
export const subjectSchema = z
  .string({ error: 'a subject' })
  .refine((value) => SUBJECT.test(value) && value.isWellFormed(), {
    error: 'a subject of 1 to 255 characters, without spaces and wildcards',
  });

const object = z.custom<JsonObject>(isNamed, { error: 'an object' });
const when = z.string().refine((value) => !Number.isNaN(Date.parse(value)), { error: 'an instant' });
/** Ids of other systems may be numbers. */
const name = z.union([identifierSchema, z.int().transform(String)], {
  error: 'a text of 1 to 255 characters, or a whole number',
});
const correlation = identifierSchema.nullish();

/** The envelope that consumers of the merchant service know. */
export const envelopeSchema = z.object({
  event_id: name,
  event_type: z.string(),
  timestamp: when,
  correlation_id: correlation,
  payload: object,
});
/** CloudEvents 1.0, https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md */
export const cloudEventSchema = z.object({
  specversion: z.literal('1.0'),
  id: identifierSchema,
  type: z.string(),
  time: when.nullish(),
  correlationid: correlation,
  data: object,
});

const currency = z.string().nullish();
const merchant_id = name;
const order_id = name;
export const orderPaidSchema = z.object({
  ...{ merchant_id, order_id, order_total: amountSchema, currency },
  shop_domain: z.string().max(255).nullish(),
});
export const orderRefundedSchema = z.object({
  ...{ merchant_id, order_id, refund_id: name, refund_amount: amountSchema, currency },
  reason: textSchema.nullish(),
});
export const paymentSucceededSchema = z.object({ merchant_id, payment_id: name, amount: amountSchema, currency });
export const merchantCreatedSchema = z.object({ merchant_id });
export const manualAdjustmentSchema = z.object({
  ...{ merchant_id, adjustment_id: name, amount: amountSchema, admin_id: name },
  reason: textSchema.min(1).nullish(),
  ticket_number: name.nullish(),
});

const shop = identifierSchema.transform((value) => value.trim().toLowerCase()).pipe(identifierSchema);
/** The later generation of the merchant service writes names in either way. */
const eitherWay = <T extends z.ZodType>(schema: T) =>
  z.preprocess((value) => {
    if (!isNamed(value)) return value;
    const fields = Object.entries(value).map(([key, one]) => [
      key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      one,
    ]);
    return Object.fromEntries(fields);
  }, schema);
export const grantEventSchema = eitherWay(
  z.object({
    shop_domain: shop,
    credits: amountSchema,
    reason: z.enum(['trial', 'subscription', 'manual', 'one_time_pack']),
    external_ref: name.nullish(),
    metadata: object.nullish(),
  }),
);
export const trialActivatedSchema = eitherWay(
  z.object({
    shop_domain: shop,
    ends_at: when,
    days: z.int().min(0),
    trial_credits: amountSchema.nullish(),
  }),
);

export const deadLettersSchema = strictObject({
  ...listShape,
  /** Dead letters of this status alone; default `open`. */
  status: deadLetterStatusSchema.optional(),
});
export interface DeadLetterOptions
  extends ListOptions,
    Readonly<Omit<z.input<typeof deadLettersSchema>, keyof ListOptions>> {}

export const deadLetterReplaySchema = strictObject({
  /** The repaired body, in place of the one that came. */
  body: z.string().optional(),
});
export interface DeadLetterReplayOptions extends Readonly<z.input<typeof deadLetterReplaySchema>> {}
