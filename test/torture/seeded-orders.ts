/** Seeded bugs of orders of shops. */
import type { SeededBug } from './seeded-bug.js';

const ORDERS = 'src/services/payments/orders.ts';

const alone = (name: string) => ({ file: 'test/payments/orders-of-shops.test.ts', name });
const inMemory = (name: string) => alone(`orders of shops, in memory ${name}`);

export const ORDER_BUGS: readonly SeededBug[] = [
  {
    id: 'OR-1',
    title: 'the share of an order is cut off, not rounded',
    file: 'src/core/order-credits.ts',
    find: '(2n * exact + CENT * MICRO)',
    replace: '(2n * exact)',
    tests: [alone('an order earns rounded half up at the half')],
  },
  {
    id: 'OR-2',
    title: 'orders of two merchants with one name are one order',
    file: ORDERS,
    find: 'JSON.stringify(parts)',
    replace: 'JSON.stringify(parts.slice(1))',
    tests: [inMemory('an order of a merchant is its own, whatever another calls theirs; another total is a mismatch')],
  },
  {
    id: 'OR-3',
    title: 'orders earn credits where that is switched off',
    file: ORDERS,
    find: '      if (!rules.enabled) return null;\n',
    replace: '',
    tests: [alone('rules by configuration, an order of nothing, and orders that earn nothing')],
  },
  {
    id: 'OR-4',
    title: 'a provider may call itself as the orders do, and forge them',
    file: 'src/services/payments/providers.ts',
    find: 'if (provider.name === ORDERS || provider.name === BILLING)',
    replace: "if (provider.name === '')",
    tests: [alone('wrong input is refused, and nothing is written')],
  },
  {
    id: 'OR-6',
    title: 'a payment that payments has is granted again when billing tells of it',
    file: ORDERS,
    find: 'return found?.userId === userId ? found : null;',
    replace: 'return found?.userId === paymentId ? found : null;',
    tests: [inMemory('a payment of billing buys its amount once, and nothing where payments has it')],
  },
  {
    id: 'OR-7',
    title: 'a payment of billing is granted by another of the same name',
    file: ORDERS,
    find: 'return found?.userId === userId ? found : null;',
    replace: 'return found;',
    tests: [inMemory('a payment of billing buys its amount once, and nothing where payments has it')],
  },
  {
    id: 'OR-5',
    title: 'a refund that waited for its order is listed as a paid order',
    file: 'src/services/pipeline/transaction-records.ts',
    find: "if (said === 'order_paid' && row.type === 'claw_back') return 'order_refund';",
    replace: '',
    tests: [
      inMemory('every order and number of one paid and three refunded ends alike: all is taken back, and no more'),
    ],
  },
  {
    id: 'OR-8',
    title: 'an order that cost nothing is told again with the smallest total',
    file: ORDERS,
    find: 'if (isFree === (minor === 0)) return paid;',
    replace: 'if (isFree !== null) return paid;',
    tests: [alone('an order that cost nothing is not the one that cost the smallest money')],
  },
];
