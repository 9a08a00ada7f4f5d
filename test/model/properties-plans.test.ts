import { testPlanProperties } from './properties-plans.js';

testPlanProperties(2);
