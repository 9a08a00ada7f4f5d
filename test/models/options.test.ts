/** Options are what their schemas say: their types, inferred, are those that users wrote code against. */
import { describe, expectTypeOf, test } from 'vitest';
import type * as library from '../../src/index.js';
import type * as written from './written-options.js';

type Session = { readonly host: true };

/** What was written by hand may still be given, and reads with the same types. */
type Takes<New, Old> = keyof Old extends keyof New
  ? [Old, Pick<New, keyof New & keyof Old>] extends [New, Old]
    ? true
    : false
  : false;

describe('the inferred types', () => {
  test('are those that users wrote code against', () => {
    expectTypeOf<Takes<library.CallOptions, written.CallOptions>>().toEqualTypeOf<true>();
    expectTypeOf<Takes<library.ReadOptions<Session>, written.ReadOptions<Session>>>().toEqualTypeOf<true>();
    expectTypeOf<Takes<library.MutationOptions<Session>, written.MutationOptions<Session>>>().toEqualTypeOf<true>();
    expectTypeOf<Takes<library.ListOptions, written.ListOptions>>().toEqualTypeOf<true>();
    expectTypeOf<Takes<library.AddOptions<Session>, written.AddOptions<Session>>>().toEqualTypeOf<true>();
    expectTypeOf<Takes<library.ReserveOptions<Session>, written.ReserveOptions<Session>>>().toEqualTypeOf<true>();
    expectTypeOf<Takes<library.VoidOptions<Session>, written.VoidOptions<Session>>>().toEqualTypeOf<true>();
    expectTypeOf<Takes<library.CommitOptions<Session>, written.CommitOptions<Session>>>().toEqualTypeOf<true>();
    expectTypeOf<Takes<library.HistoryOptions<Session>, written.HistoryOptions<Session>>>().toEqualTypeOf<true>();
    expectTypeOf<Takes<library.AccountDefaults, written.AccountDefaults>>().toEqualTypeOf<true>();
    expectTypeOf<Takes<library.MeterOptions, written.MeterOptions>>().toEqualTypeOf<true>();
    expectTypeOf<Takes<library.PlanInput, written.PlanInput>>().toEqualTypeOf<true>();
    expectTypeOf<Takes<library.SetPlanOptions<Session>, written.SetPlanOptions<Session>>>().toEqualTypeOf<true>();
    expectTypeOf<Takes<library.UpgradeOptions<Session>, written.UpgradeOptions<Session>>>().toEqualTypeOf<true>();
    expectTypeOf<Takes<library.CancelOptions<Session>, written.CancelOptions<Session>>>().toEqualTypeOf<true>();
    expectTypeOf<Takes<library.CycleOptions<Session>, written.CycleOptions<Session>>>().toEqualTypeOf<true>();
    expectTypeOf<Takes<library.PromoInput, written.PromoInput>>().toEqualTypeOf<true>();
    expectTypeOf<Takes<library.JobOptions, written.JobOptions>>().toEqualTypeOf<true>();
    expectTypeOf<Takes<library.LedgerQuery, written.LedgerQuery>>().toEqualTypeOf<true>();
    expectTypeOf<Takes<library.VerifyOptions, written.VerifyOptions>>().toEqualTypeOf<true>();
    expectTypeOf<Takes<library.NotifyOptions, written.NotifyOptions>>().toEqualTypeOf<true>();
    expectTypeOf<Takes<library.NotificationQuery, written.NotificationQuery>>().toEqualTypeOf<true>();
    expectTypeOf<Takes<library.ExpiringOptions, written.ExpiringOptions>>().toEqualTypeOf<true>();
    expectTypeOf<Takes<library.LedgerOptions, written.LedgerOptions>>().toEqualTypeOf<true>();
    expectTypeOf<Takes<library.OutboxSettings, written.OutboxSettings>>().toEqualTypeOf<true>();
    expectTypeOf<Takes<library.CacheOptions, written.CacheOptions>>().toEqualTypeOf<true>();
    type New = library.CreditManagementOptions<Session, 'image'>;
    type Old = written.CreditManagementOptions<Session, 'image'>;
    expectTypeOf<Takes<New, Old>>().toEqualTypeOf<true>();
  });

  test('would be told apart from others', () => {
    expectTypeOf<Takes<Omit<library.AddOptions, 'priority'>, written.AddOptions>>().toEqualTypeOf<false>();
    expectTypeOf<Takes<Required<library.PlanInput>, written.PlanInput>>().toEqualTypeOf<false>();
    expectTypeOf<Takes<library.ReadOptions<Session>, written.ReadOptions<string>>>().toEqualTypeOf<false>();
  });
});
