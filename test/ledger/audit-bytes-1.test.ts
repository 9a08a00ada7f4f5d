/** Half of the types, so that two workers share the work. */
import { testBytes } from './audit-bytes.js';

testBytes(0);
