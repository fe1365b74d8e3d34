package imagetest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// What the gateway allows, by the API Request Signing Guide.
const (
	signedTimeLayout = "20060102T150405Z"
	maxClockSkew     = 15 * time.Minute
	// maxWrong wrong signatures in a row are borne; one more locks the key.
	maxWrong = 5
	lockTime = 5 * time.Minute
)

var signatureForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^SDK-HMAC-SHA256 Access=([^,]+), SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$`)
})

// signer returns the key that has signed a request, or the gateway's refusal.
func (c *Cloud) signer(r *http.Request, body []byte) (*accessKey, *answer) {
	refuse := func(code, message string, args ...any) (*accessKey, *answer) {
		a := gatewayRefusal(http.StatusUnauthorized, code, fmt.Sprintf(message, args...))
		return nil, &a
	}
	const incorrect = "Incorrect IAM authentication information: "
	form := signatureForm().FindStringSubmatch(r.Header.Get("Authorization"))
	if form == nil {
		return refuse("APIGW.0301", incorrect+"authorization format is incorrect")
	}
	now, date := c.now(), r.Header.Get("X-Sdk-Date")
	key, signed := c.accessKeys[form[1]], strings.Split(form[2], ";")
	at, err := time.Parse(signedTimeLayout, date)
	switch {
	case key == nil:
		return refuse("APIGW.0301", incorrect+"ak %s not exist", form[1])
	case now.Before(key.lockedUntil):
		return refuse("APIGW.0301", incorrect+"ak %s is locked, try again later", form[1])
	case err != nil || !slices.Contains(signed, "x-sdk-date"):
		return refuse("APIGW.0301", incorrect+"x-sdk-date is missing or not signed")
	case now.Sub(at).Abs() > maxClockSkew:
		return refuse("APIGW.0303", "Incorrect app authentication information: signature expired, signature time:%s,server time:%s",
			date, now.UTC().Format(signedTimeLayout))
	case r.Header.Get("X-Security-Token") != key.SecurityToken || !key.Expires.IsZero() && now.After(key.Expires):
		return refuse("APIGW.0301", incorrect+"calc ak sk signature fail:signature expired")
	}
	mac := hmac.New(sha256.New, []byte(key.Secret))
	fmt.Fprintf(mac, "SDK-HMAC-SHA256\n%s\n%x", date, sha256.Sum256(canonicalForm(r, signed, body)))
	if hex.EncodeToString(mac.Sum(nil)) != form[3] {
		if key.wrong++; key.wrong > maxWrong {
			key.wrong, key.lockedUntil = 0, now.Add(lockTime)
		}
		return refuse("APIGW.0301", incorrect+"verify aksk signature fail")
	}
	key.wrong = 0
	if project := r.Header.Get("X-Project-Id"); project != "" && project != key.ProjectID {
		return refuse("APIGW.0301", incorrect+"project id %s is not of the ak", project)
	}
	return key, nil
}

// canonicalForm is what was signed, made of the request as it was received.
func canonicalForm(r *http.Request, signed []string, body []byte) []byte {
	target, query, _ := strings.Cut(r.RequestURI, "?")
	form := fmt.Appendf(nil, "%s\n", r.Method)
	for i, segment := range strings.Split(strings.TrimSuffix(target, "/"), "/") {
		if i > 0 {
			form = append(form, '/')
		}
		form = append(form, unreserved(segment)...)
	}
	form = append(form, "/\n"...)
	form = append(form, canonicalParameters(query)...)
	form = append(form, '\n')
	for _, name := range signed {
		value := r.Header.Get(name)
		if name == "host" {
			value = r.Host
		}
		form = fmt.Appendf(form, "%s:%s\n", name, strings.TrimSpace(value))
	}
	return fmt.Appendf(form, "\n%s\n%x", strings.Join(signed, ";"), sha256.Sum256(body))
}

func canonicalParameters(query string) string {
	if query == "" {
		return ""
	}
	parameters := strings.Split(query, "&")
	for i, p := range parameters {
		name, value, _ := strings.Cut(p, "=")
		parameters[i] = unreserved(name) + "\x00=" + unreserved(value) // a name goes before a longer one
	}
	slices.Sort(parameters)
	return strings.ReplaceAll(strings.Join(parameters, "&"), "\x00", "")
}

// unreserved encodes a part of a target anew: everything but the unreserved
// characters of RFC 3986.
func unreserved(part string) string {
	if plain, err := url.PathUnescape(part); err == nil {
		part = plain
	}
	var b strings.Builder
	for _, c := range []byte(part) {
		if 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("-_.~", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
