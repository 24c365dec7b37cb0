/** Bind and run: a backend takes a placed plan to its device; a session replays it. */
package org.nin4j.backend;
