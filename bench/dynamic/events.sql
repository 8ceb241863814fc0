--! insert_events
--@ bulk
INSERT INTO events (id, owner, name, note, active) VALUES (:id, :owner, :name, :note, :active);
