// Package diag asks the kernel for sockets over sock_diag(7) and turns its answers into model.Socket and
// model.UnixSocket.
//
// It does six things, all on one netlink socket (a Conn) that lives in one network namespace:
//
//   - Dump: every socket of a protocol and family, parsed in place from one reused buffer into one reused
//     record that a callback gets. At rest a dump makes no garbage: it runs every second over 100,000
//     sockets.
//   - DumpUnix: every unix socket, the ones that wait to be accepted too, with the references among them.
//   - Ask: everything the kernel knows about one socket, by its cookie.
//   - Destroy: closes one socket, by its cookie.
//   - NetNSCookie: names the namespace.
//   - LinkName: names its interfaces.
//
// Besides, Events listens to what the kernel tells unasked, on a socket of its own: that a socket was destroyed, with the
// last of its counters.
//
// Either is meant to be kept open in each of thousands of namespaces. Those opened Beside another share all buffers, so that one
// more costs a descriptor and some hundred bytes, and a goroutine that listens holds no thread.
//
// It leaves to others: when to ask, which namespaces there are and how to enter them, who owns a socket,
// what changed since the last dump, and what to do when the kernel refuses (ErrUnsupported) or answers in
// part (ErrPartial).
//
// # Bytes
//
// Sent and Received are payload, exact, since the connection began:
//
//   - Sent is tcpi_bytes_sent - tcpi_bytes_retrans (Linux 4.19): neither holds SYN or FIN, and a byte counts
//     when it is first put on the wire. Older kernels have tcpi_bytes_acked only. It counts the SYN of a
//     connecting socket, which nothing in the answer tells from an accepted one, and a FIN, and it
//     lags by what is in flight: no exact figure can be made of it, so there HasBytes is not set.
//   - Received is tcpi_bytes_received, less one where the state in the same tcp_info says that a FIN came
//     (model.State.FinReceived): the kernel counts a FIN as a byte.
//
// A listener and a socket that is only bound have no traffic of their own, so none of their tcp_info is taken
// as such; TIME_WAIT and SYN_RECV have no tcp_info at all.
package diag
