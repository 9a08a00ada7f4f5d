/** Prices of usage, exact. */
export { creditsLess, pricedUnits } from '../../core/amounts.js';
