/** Objects that take no other field, typed so that the comments of their fields reach the editors of users. */
import { z } from 'zod';

/** `z.strictObject` maps the shape, and a mapped shape loses its comments in the declarations of the package. */
export function strictObject<Shape extends z.ZodRawShape>(shape: Shape): z.ZodObject<Shape, z.core.$strict> {
  return z.strictObject(shape) as z.ZodObject<Shape, z.core.$strict>;
}
