/** The service of promo codes: the verbs of codes and of claims, put together. */
import { named } from '../input/named.js';
import type { Engine } from '../pipeline/engine.js';
import { Claims } from './claims.js';
import type { PromoService } from './contract.js';
import { definePromos } from './define-promos.js';
import { Promos } from './promos.js';

export function promoService<S>(engine: Engine<S>): PromoService<S> {
  const promos = new Promos(engine);
  const claims = new Claims(engine);
  return named({
    createPromo: (promo, options) => promos.create(promo, options),
    definePromos: (list, options) => definePromos(promos, list, options),
    updatePromo: (promo, options) => promos.update(promo, options),
    togglePromo: (promo, options) => promos.toggle(promo, options),
    getPromo: (code, options) => promos.get(code, options),
    listPromos: (options) => promos.list(options),
    checkEligibility: (userId, code, options) => claims.checkEligibility(userId, code, options),
    claimPromo: (userId, code, options) => claims.claim(userId, code, options),
    listClaims: (options) => claims.list(options),
  });
}
