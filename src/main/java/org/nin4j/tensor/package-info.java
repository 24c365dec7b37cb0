/** What everything speaks: shapes, element types, host tensors, counter-based random numbers. */
package org.nin4j.tensor;
