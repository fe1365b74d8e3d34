// Package cloud knows who we are: it finds credentials, logs in, and finds the
// Image API.
//
// [Connect] reads a [Config] and gives a [Session], which has the endpoint, a
// transport that trusts whom the configuration says, and the current
// credential. The Session puts the credential on requests and renews it when
// the Image API refuses it:
//
//	generation, err := session.Authorize(req)
//	// send req
//	if resp.StatusCode == http.StatusUnauthorized {
//		err = session.Renew(ctx, generation, kind) // nil: send it again
//	} else {
//		session.Accepted(generation, kind)
//	}
//
// A credential is a ready token, which cannot be renewed; or a token of the
// Identity API v3 (Keystone), obtained with a password, an application
// credential or another token; or an access key of Huawei Cloud, with which
// each request is signed. Tokens are renewed when they are refused, not ahead
// of time: a token can end before its time, so the 401 has to be handled
// anyway, and handling it costs one request in the life of a token. The
// temporary keys of a cloud server are renewed ahead of their end, because
// wrong signatures are counted: more than five in a row lock a key.
//
// No error, log record or method of this package shows a secret.
package cloud
