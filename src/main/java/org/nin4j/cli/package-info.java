/** The command line: one class for each command. */
package org.nin4j.cli;
