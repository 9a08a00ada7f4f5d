/** The row of every stored model, by the model's name: inferred from the zod schemas that declare them. */
import type { z } from 'zod';
import type { storedModels } from './stored-models.js';

type Stored = (typeof storedModels)[number];

export type ModelName = Stored['name'];

export type Rows = { readonly [M in Stored as M['name']]: Readonly<z.infer<M['schema']>> };

/** Models whose rows are decided on and written together with accounts. */
export type SideRows = Pick<
  Rows,
  | 'plan'
  | 'subscription'
  | 'cycle'
  | 'promo'
  | 'promo_claim'
  | 'payment'
  | 'provider_ref'
  | 'payment_message'
  | 'provider_subscription'
  | 'provider_customer'
  | 'top_up'
  | 'inbox'
>;
