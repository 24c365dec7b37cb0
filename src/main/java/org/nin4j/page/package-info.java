/**
 * A local page that shows a training while it goes on, and the runs before: a listener makes
 * snapshots that never change, a server gives them to whoever has the address.
 */
package org.nin4j.page;
