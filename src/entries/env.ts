/**
 * credit-management/env: a manager from environment variables.
 * @module
 */
export { createCreditManagementFromEnv } from '../env.js';
