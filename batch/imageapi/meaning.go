package imageapi

import (
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
		// No Image API answers so; a portal or a proxy may, and what it has
		// done nobody knows.
		return batch.Broken, "the answer is " + clean(resp.Status) + " and not 204: this may be no Image API; " + e.orStatus(resp)
	}
	return meaningOfRefusal(resp, p, e)
}

// meaningOfRefusal says what an answer means that is no success, to a request
// for the member p, or for the list of p's image.
func meaningOfRefusal(resp *http.Response, p batch.Pair, e errorText) (batch.Meaning, string) {
	message := e.orStatus(resp)
	switch status := resp.StatusCode; status {
	case http.StatusNotFound:
		return meaningOf404(p, e), message
	case http.StatusUnauthorized:
		return batch.Unauthorized, message
	case http.StatusForbidden:
		return batch.Forbidden, message
	case http.StatusTooManyRequests:
		return batch.Throttled, message
	case http.StatusServiceUnavailable, http.StatusRequestTimeout, http.StatusLocked, http.StatusTooEarly:
		// By their definition in RFC 9110, RFC 4918 and RFC 8470 the request
		// was not acted upon.
		return batch.Unavailable, message
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return batch.Refused, message
	default:
		switch {
		case status >= 500:
			return batch.Broken, message
		case 300 <= status && status < 400:
			return batch.Refused, "the answer is " + clean(resp.Status) + " and leads elsewhere, which is not followed: check the endpoint"
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
	case member != "" && strings.Contains(text, member+" not found in the member list of the image "+image):
		return batch.NotAMember
	case strings.Contains(text, "image "+image+" not found"):
		return batch.NoSuchImage
	}
	return batch.Unproved
}

// sameID compares ids as Glance's usual database does, without letter case.
func sameID(a, b string) bool { return strings.EqualFold(a, b) }
