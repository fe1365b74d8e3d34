package cloud

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// checkProxies refuses variables that net/http would leave out without a word:
// it connects directly when it cannot read the URL of a proxy, and so would
// carry the credentials past the proxy that was meant. No error shows a value,
// which may hold a password.
func (c Config) checkProxies() error {
	value := make(map[string]string)
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"} {
		lower := strings.ToLower(name)
		upper, other := c.Getenv(name), c.Getenv(lower)
		if upper != "" && other != "" && upper != other {
			return fmt.Errorf("%s and %s are different; unset one of them", name, lower)
		}
		if upper == "" {
			upper, name = other, lower
		}
		value[strings.ToUpper(name)] = upper
		if lower != "no_proxy" && upper != "" && !isProxy(upper) {
			return fmt.Errorf("%s is not the URL of a proxy; write it as http://[USER:PASSWORD@]HOST:PORT, "+
				"with %%25 for a %% in the password, %%40 for @, %%23 for #, %%2F for /", name)
		}
	}
	if value["ALL_PROXY"] != "" && (value["HTTP_PROXY"] == "" || value["HTTPS_PROXY"] == "") && value["NO_PROXY"] != "*" {
		return errors.New("ALL_PROXY is not supported; set HTTPS_PROXY and HTTP_PROXY instead")
	}
	return nil
}

// isProxy reports whether a text is the URL of a proxy, or its host and port,
// and nothing that net/http would take for something else.
func isProxy(text string) bool {
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || strings.ContainsAny(text, "?#") {
		return false
	}
	switch u.Scheme {
	case "http", "https", "socks5", "socks5h":
		return true
	}
	return false
}
