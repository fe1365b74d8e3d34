package cloud

import (
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// version is the end of a path that names a version of an API, and what the
// documentation of the APIs shows behind it.
var version = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(^|/)v[0-9]+(\.[0-9]+)?(/+images|/+auth/+tokens)?$`) })

// parseBase reads the address of an API and takes the version off its path:
// catalogs and people write it with and without. The path prefix and the port
// are kept. What is named in errors.
func parseBase(what, raw string) (*url.URL, error) {
	raw = strings.TrimSpace(raw)
	u, err := url.Parse(raw)
	refuse := func(why string) (*url.URL, error) {
		return nil, fmt.Errorf("%s %s %s; write it as https://host[:port][/prefix]", what, quoteURL(raw), why)
	}
	switch {
	case err != nil:
		// The error of url.Parse is left out: it repeats parts of the text.
		return refuse("is not a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return refuse("does not start with https:// or http://")
	case u.User != nil:
		return refuse("holds a user name")
	case strings.Count(raw, "://") > 1:
		return refuse("names a protocol twice")
	case u.Hostname() == "":
		return refuse("names no host")
	case strings.ContainsAny(raw, "?#"):
		return refuse("holds a query or a fragment")
	}

	u.Host = strings.ToLower(strings.TrimSuffix(u.Host, ":"))
	u.Path, u.RawPath = trimVersion(u.Path), trimVersion(u.RawPath)
	return u, nil
}

// trimVersion takes slashes, and one version, off the end of a path.
func trimVersion(path string) string {
	path = strings.TrimRight(path, "/")
	if at := version().FindStringIndex(path); at != nil {
		path = strings.TrimRight(path[:at[0]], "/")
	}
	return path
}

// quoteURL quotes an address for a message, unless it has the shape of one
// that can hold a secret.
func quoteURL(raw string) string {
	if strings.ContainsAny(raw, "@?#") {
		return redacted
	}
	return strconv.Quote(raw)
}

// warnPlain logs that secrets would travel in the clear to u, if they would.
func warnPlain(log *slog.Logger, what string, u *url.URL) {
	if isPlain(u) {
		log.Warn("credentials travel unencrypted; use https", "what", what, "url", u.String())
	}
}

// isPlain reports whether what is sent to u could be read on its way.
func isPlain(u *url.URL) bool { return u.Scheme == "http" && !isLoopback(u.Hostname()) }

func isLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
