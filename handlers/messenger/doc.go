// Package messenger is the Messenger Platform's API, so that an existing bot or
// SDK for it runs against this server with its base address changed and nothing
// else. What it does is done by the commands that /v1 uses too.
package messenger
