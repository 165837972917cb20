/*
 * The Internet checksum (RFC 1071).  No I/O.
 *
 * A sum is a 64-bit one's complement sum of native 16-bit words; pieces may
 * be added one after the other as long as all but the last are of even length.
 */
#ifndef GW_CSUM_H
#define GW_CSUM_H

#include <stddef.h>
#include <stdint.h>

/* the sum and these bytes' own, as 16-bit words; a last odd byte counts as if
 * a zero followed */
uint64_t csum_add(uint64_t sum, const void *, size_t len);
/* the sum as 16 bits, not complemented; stored as it is in a packet */
uint16_t csum_fold(uint64_t sum);
/* the pseudo-header (RFC 8200, section 8.1) of len bytes of protocol proto */
uint64_t csum_pseudo6(const uint8_t *ip6, uint32_t len, uint8_t proto);

#endif
