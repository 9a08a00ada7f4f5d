/**
 * credit-management/env: a manager from environment variables.
 * @module
 */
export { createCreditManagementFromEnv, type Environment } from '../env.js';
