import { testProperties } from './properties.js';

testProperties(1);
