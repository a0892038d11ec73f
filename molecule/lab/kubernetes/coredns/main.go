// CoreDNS with the plugins that the lab's Corefile names, and not those that bring in the clouds' libraries.
package main

import (
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/forward"
	_ "github.com/coredns/coredns/plugin/hosts"
	_ "github.com/coredns/coredns/plugin/kubernetes"
)

func main() {
	// In the order in which they are asked.
	dnsserver.Directives = []string{"bind", "errors", "cache", "hosts", "kubernetes", "forward"}
	coremain.Run()
}
