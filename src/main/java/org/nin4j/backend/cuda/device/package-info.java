/** One GPU: memory, streams, graphs, copies, time, and statuses as exceptions. */
package org.nin4j.backend.cuda.device;
