package model

// Ending is the kernel's word that a TCP or UDP socket was destroyed: the socket as it was at its end, without inode, user
// and state (SOCK_DIAG destroy events, net/core/sock_diag.c).
type Ending struct {
	// Socket has the final counters. Received is as the kernel counts it: a FIN that came is in it as one byte, and
	// nothing says whether one did, except that RecvQ, what was never read, counts it too. After a reset an end may
	// be missing, and after an abort from this side the counters are.
	Socket
	// Controls is what of tcpi_bytes_acked is no payload: our FIN, and our SYN if we connected; 0 when less was
	// acknowledged than sent.
	Controls uint8
	At       int64 // when it was heard, ns on the sampler's monotonic clock; 0 is not known
}
