/** The commands, one class for each. */
package org.nin4j.cli.command;
