package imageapi

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"imsrevoke/batch"
)

// meaningOfRemove says what an answer to the DELETE of p means, and explains
// it where it is no success. 204 and nothing else is a success.
func meaningOfRemove(resp *http.Response, p batch.Pair, e errorText) (batch.Meaning, string) {
	switch status := resp.StatusCode; {
	case status == http.StatusNoContent:
		return batch.Removed, ""
	case status < 300:
		return notOfImageAPI(resp, "204", e)
	}
	return meaningOfRefusal(resp, p, e)
}

// meaningOfAdd says what an answer to the POST of p means, and explains it where
// it is no success. A success is 200 with the member that was asked for.
func meaningOfAdd(resp *http.Response, p batch.Pair, e errorText) (batch.Meaning, string) {
	image, text := strings.ToLower(p.ImageID), strings.ToLower(e.message)
	switch status := resp.StatusCode; {
	case status == http.StatusOK:
		if err := readMember(resp.Body, p); err != nil {
			return batch.Broken, err.Error()
		}
		return batch.Added, ""
	case status < 300:
		return notOfImageAPI(resp, "200", e)
	case status == http.StatusConflict && containsWord(text, "member "+strings.ToLower(p.MemberID)+" is duplicated for image "+image):
		return batch.AlreadyMember, e.orStatus(resp)
	case status == http.StatusConflict,
		// Glance counts before it looks whether the member is one of them.
		status == http.StatusRequestEntityTooLarge && strings.Contains(text, "image member limit exceeded for image "+image):
		return batch.Conflict, e.orStatus(resp)
	}
	return meaningOfRefusal(resp, batch.Pair{ImageID: p.ImageID}, e)
}

// readMember reads the body of a success, and reports why it is none of p.
func readMember(body io.Reader, p batch.Pair) error {
	var member struct {
		ImageID  string `json:"image_id"`
		MemberID string `json:"member_id"`
	}
	if err := json.NewDecoder(io.LimitReader(body, maxErrorBody)).Decode(&member); err != nil {
		return fmt.Errorf("the answer is 200 and names no member: this may be no Image API; %w", err)
	}
	if !sameID(member.ImageID, p.ImageID) || !sameID(member.MemberID, p.MemberID) {
		return fmt.Errorf("the answer is 200 for the member %q of the image %q, which was not asked for", member.MemberID, member.ImageID)
	}
	return nil
}

// notOfImageAPI is what a success means that is not the one expected. No Image
// API answers so; a portal or a proxy may, and what it has done nobody knows.
func notOfImageAPI(resp *http.Response, want string, e errorText) (batch.Meaning, string) {
	return batch.Broken, "the answer is " + clean(resp.Status) + " and not " + want + ": this may be no Image API; " + e.orStatus(resp)
}

// upstreamLost is what an Envoy proxy says with a 503 when it had passed the
// request on and lost the connection. All other 503 that we know of, of Glance,
// HAProxy, nginx and load balancers, are of requests that were not acted upon.
const upstreamLost = "upstream connect error or disconnect"

// noMembers is what Glance says with a 403 of the member list of an image that
// is private, community or public, also to its owner and to an admin
// (glance/api/v2/image_members.py).
const noMembers = "only shared images have members"

// meaningOfRefusal says what an answer means that is no success, to a request
// for the member p, or for the list of p's image.
func meaningOfRefusal(resp *http.Response, p batch.Pair, e errorText) (batch.Meaning, string) {
	message := e.orStatus(resp)
	if v, ok := e.verdict(resp.StatusCode); ok {
		if v.hint != "" && v.meaning != batch.Unauthorized { // which is not final yet
			message += "; " + v.hint
		}
		return v.meaning, message
	}
	switch status := resp.StatusCode; status {
	case http.StatusNotFound:
		return meaningOf404(p, e), message
	case http.StatusUnauthorized:
		return batch.Unauthorized, message
	case http.StatusForbidden:
		if strings.Contains(strings.ToLower(e.message), noMembers) {
			return batch.NotShared, message
		}
		return batch.Forbidden, message
	case http.StatusTooManyRequests:
		return batch.Throttled, message
	case http.StatusServiceUnavailable:
		if strings.Contains(e.message, upstreamLost) {
			return batch.Broken, message
		}
		return batch.Unavailable, message
	case http.StatusRequestTimeout, http.StatusLocked, http.StatusTooEarly:
		return batch.Unavailable, message
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return batch.Refused, message
	default:
		switch {
		case status >= 500:
			return batch.Broken, message
		case 300 <= status && status < 400:
			return batch.Refused, "the answer is " + clean(resp.Status) + ", a redirect, which is not followed; check --endpoint"
		}
		return batch.Refused, message
	}
}

// meaningOf404 tells the three meanings of a 404 apart, by the words of Glance
// (glance/api/v2/image_members.py). It says "Image … not found." as well of an
// image that exists and is not visible to the project. Its third 404, "The
// resource could not be found.", comes for an unknown path and when a policy
// refused; what comes from a gateway says nothing about members at all.
func meaningOf404(p batch.Pair, e errorText) batch.Meaning {
	text := strings.ToLower(e.message)
	image, member := strings.ToLower(p.ImageID), strings.ToLower(p.MemberID)
	switch {
	case member != "" && containsWord(text, member+" not found in the member list of the image "+image):
		return batch.NotAMember
	case strings.Contains(text, "image "+image+" not found"):
		return batch.NoSuchImage
	}
	return batch.AmbiguousNotFound
}

// containsWord reports whether text holds the phrase, and not as the end of a
// longer id.
func containsWord(text, phrase string) bool {
	i := strings.Index(text, phrase)
	return i == 0 || i > 0 && strings.ContainsRune(" \"'>(", rune(text[i-1]))
}

// sameID compares ids as Glance's usual database does, without letter case.
func sameID(a, b string) bool { return strings.EqualFold(a, b) }
