/** Serves an API from the route handlers of Next.js. */
import type { Api } from './contract.js';

/**
 * Route handlers for `app/api/billing/[[...path]]/route.ts`. Make the API with `basePath: '/api/billing'`, because
 * Next.js strips nothing.
 *
 * @example export const { GET, POST, PATCH, DELETE } = toNext(api);
 */
export function toNext(
  api: Api,
): Readonly<Record<'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', (request: Request) => Promise<Response>>> {
  const answer = (request: Request) => api.fetch(request);
  return { GET: answer, HEAD: answer, POST: answer, PUT: answer, PATCH: answer, DELETE: answer };
}
