/**
 * credit-management/docs: a page that shows the HTTP API to people.
 * @module
 */
export type { Api } from '../http/contract.js';
export { createDocs } from '../http/docs.js';
