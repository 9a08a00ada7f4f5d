/**
 * credit-management/razorpay: payment links of Razorpay.
 * @module
 */

export { type RazorpayOptions, razorpayProvider } from '../payments/razorpay.js';
export { setupRazorpayProvider } from '../payments/setup.js';
