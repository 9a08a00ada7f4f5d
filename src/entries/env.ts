/**
 * credit-management/env: a manager from environment variables.
 * @module
 */
export type { Environment } from '../config/read.js';
export { createCreditManagementFromEnv } from '../env.js';
