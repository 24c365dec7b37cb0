/**
 * Steps: what a plan consists of, one file per kind with its formula, shapes and gradient. A kind
 * is added to {@link org.nin4j.plan.step.Step}'s permitted types and to {@link
 * org.nin4j.plan.step.StepVisitor}; the compiler then names each backend that lacks it.
 */
package org.nin4j.plan.step;
