// Command imsrevoke revokes image shares in bulk. See the README.
package main

import "imsrevoke/cmd/internal/cli"

func main() { cli.Main() }
