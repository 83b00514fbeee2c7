-- Tickets are signed now, and this table holds those that were used: a crash must not forget them, or they could be used again.
alter table socket_tickets set logged;
