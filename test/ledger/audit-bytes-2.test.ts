/** The other half of the types. */
import { testBytes } from './audit-bytes.js';

testBytes(1);
