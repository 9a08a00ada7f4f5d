/** The tables of README.md that are made of the routes and of the errors. */
import { PROBLEMS } from '../../src/http/problems.js';
import { merchantRoutes } from '../../src/http/routes/merchants.js';
import { ROUTES } from './world.js';

const WHO = { anyone: 'anyone', user: 'own accounts', merchant: 'own account, or authorize', admin: 'authorize' };

/** One row for each route, but for the reads that are below `/admin` too. */
export function routeRows(): string[] {
  const own = ROUTES.filter(({ who, isChange }) => who === 'user' && !isChange).map(({ path }) => path);
  const isRepeated = (path: string) => path.startsWith('/admin') && own.includes(path.slice('/admin'.length));
  return ROUTES.filter((route) => !isRepeated(route.path) || route.operationId === route.name).map(
    ({ method, path, who, summary }) => `| \`${method} ${path}\` | ${WHO[who]} | ${summary} |`,
  );
}

/** One row for each route of the merchant API. */
export function merchantRows(): string[] {
  return merchantRoutes.map(({ method, path, who, summary }) => `| \`${method} ${path}\` | ${WHO[who]} | ${summary} |`);
}

/** One row for each status, with its codes. */
export function statusRows(): string[] {
  const byStatus = new Map<number, string[]>();
  for (const [code, { status }] of Object.entries(PROBLEMS)) {
    byStatus.set(status, [...(byStatus.get(status) ?? []), `\`${code}\``]);
  }
  return [...byStatus].sort(([a], [b]) => a - b).map(([status, codes]) => `| ${status} | ${codes.join(', ')} |`);
}
